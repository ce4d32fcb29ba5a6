// Everything that runs after a fault may call async-signal-safe functions only (signal-safety(7)): execve, write,
// clock_gettime, sigaction, and our own arithmetic on memory that was laid out before.
#define _GNU_SOURCE
#include "crash.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static const int faults[] = {SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV};
static const char *const names[] = {"SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE", "SIGSEGV"};
enum { fault_count = sizeof faults / sizeof *faults };

static char **new_arguments;
static char **new_environment;
static long crashes_before, crashes_in_row_before;
static time_t began;
/// Where the entry of the environment is written, and from where on its value is.
static char *own_value;
static int line_style;
static struct sigaction earlier[fault_count];

static char *append(char *to, const char *text) {
    while (*text) *to++ = *text++;
    return to;
}

static char *append_number(char *to, long long value, int width) {
    char digits[24];
    int count = 0;
    do {
        digits[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0 || count < width);
    while (count > 0) *to++ = digits[--count];
    return to;
}

void ccrash_timestamp(long long seconds, long nanoseconds, char *text) {
    long long days = seconds / 86400, rest = seconds % 86400;
    // Days since 0000-03-01 to a date, by eras of 400 years (Howard Hinnant, "chrono-compatible date algorithms").
    days += 719468;
    long long era = days / 146097, day_of_era = days % 146097;
    long long year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    long long day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    long long shifted = (5 * day_of_year + 2) / 153;
    long long day = day_of_year - (153 * shifted + 2) / 5 + 1;
    long long month = shifted < 10 ? shifted + 3 : shifted - 9;
    long long year = year_of_era + era * 400 + (month <= 2);
    char *to = append_number(text, year, 4);
    *to++ = '-';
    to = append_number(to, month, 2);
    *to++ = '-';
    to = append_number(to, day, 2);
    *to++ = 'T';
    to = append_number(to, rest / 3600, 2);
    *to++ = ':';
    to = append_number(to, rest / 60 % 60, 2);
    *to++ = ':';
    to = append_number(to, rest % 60, 2);
    *to++ = '.';
    to = append_number(to, nanoseconds / 1000000, 3);
    *to++ = 'Z';
    *to = 0;
}

/// The line of the log. The name of a thread is ours: letters, digits, dots, hyphens.
static void tell(const char *signal_name, long crashes) {
    char line[512], time[25], thread[17] = "";
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    ccrash_timestamp(now.tv_sec, now.tv_nsec, time);
    prctl(PR_GET_NAME, thread);
    for (char *letter = thread; *letter; letter++)
        if (*letter < ' ' || *letter == '"' || *letter == '\\' || *letter == 127) *letter = '_';
    const char *message = "the server met a fault in itself and begins again; its live sessions are lost";
    char *to = line;
    if (line_style == CCRASH_JSON) {
        to = append(to, "{\"time\":\"");
        to = append(to, time);
        to = append(to, "\",\"level\":\"critical\",\"logger\":\"timestep\",\"message\":\"");
        to = append(to, message);
        to = append(to, "\",\"crashes\":");
        to = append_number(to, crashes, 1);
        to = append(to, ",\"signal\":\"");
        to = append(to, signal_name);
        to = append(to, "\",\"thread\":\"");
        to = append(to, thread);
        to = append(to, "\"}\n");
    } else {
        memcpy(to, time + 11, 12);
        to = append(to + 12, " critical ");
        to = append(to, message);
        to = append(to, "  crashes=");
        to = append_number(to, crashes, 1);
        to = append(to, "  signal=");
        to = append(to, signal_name);
        to = append(to, "  thread=");
        to = append(to, thread);
        *to++ = '\n';
    }
    ssize_t written = write(STDERR_FILENO, line, (size_t)(to - line));
    (void)written;
}

/// The handlers are gone with the program that had them; what is blocked would be inherited.
static void execute(int number) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
#ifdef SYS_close_range
    syscall(SYS_close_range, 3u, ~0u, 4u /* CLOSE_RANGE_CLOEXEC */);
#endif
    execve("/proc/self/exe", new_arguments, new_environment);
    signal(number, SIG_DFL);
    raise(number);
    _exit(128 + number);
}

static void begin_again(int number, siginfo_t *information, void *context) {
    // Others may meet faults of their own before this one has replaced them all: they wait for the end. The same thread
    // comes here twice where Swift's account of the crash meets another.
    static volatile pid_t taken_by;
    pid_t self = (pid_t)syscall(SYS_gettid), none = 0;
    if (!__atomic_compare_exchange_n(&taken_by, &none, self, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
        if (none == self) execute(number);
        for (;;) pause();
    }
    int index = 0;
    while (index < fault_count - 1 && faults[index] != number) index++;
    tell(names[index], crashes_before + 1);
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    char *to = append_number(own_value, crashes_before + 1, 1);
    *to++ = ',';
    *append_number(to, now.tv_sec - began < CCRASH_ROW_SECONDS ? crashes_in_row_before + 1 : 1, 1) = 0;
    // Swift's account of the crash, where the environment asks for it. Its threads inherit what is blocked, and one of
    // them reads through bad pointers on purpose: what the kernel raises for that must reach it.
    if (earlier[index].sa_flags & SA_SIGINFO && earlier[index].sa_sigaction) {
        sigset_t raised;
        sigemptyset(&raised);
        for (int other = 0; other < fault_count; other++) sigaddset(&raised, faults[other]);
        pthread_sigmask(SIG_UNBLOCK, &raised, NULL);
        earlier[index].sa_sigaction(number, information, context);
    }
    execute(number);
}

static size_t count(char *const strings[]) {
    size_t number = 0;
    while (strings[number]) number++;
    return number;
}

int ccrash_begin_again(char *const arguments[], const char *name, long crashes, long in_row, int style) {
    crashes_before = crashes;
    crashes_in_row_before = in_row;
    line_style = style;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    began = now.tv_sec;
    size_t length = strlen(name);
    new_arguments = calloc(count(arguments) + 1, sizeof *new_arguments);
    new_environment = calloc(count(environ) + 2, sizeof *new_environment);
    char *own = calloc(length + 64, 1);
    if (!new_arguments || !new_environment || !own) return -1;
    for (size_t index = 0; arguments[index]; index++)
        if (!(new_arguments[index] = strdup(arguments[index]))) return -1;
    size_t kept = 0;
    for (size_t index = 0; environ[index]; index++) {
        if (strncmp(environ[index], name, length) == 0 && environ[index][length] == '=') continue;
        if (!(new_environment[kept++] = strdup(environ[index]))) return -1;
    }
    memcpy(own, name, length);
    own[length] = '=';
    own_value = own + length + 1;
    new_environment[kept] = own;

    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = begin_again;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    // Nothing may come in between.
    sigfillset(&action.sa_mask);
    for (int index = 0; index < fault_count; index++)
        if (sigaction(faults[index], &action, &earlier[index]) != 0) return -1;
    return 0;
}

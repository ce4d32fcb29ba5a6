// What is done when a fault ends the process: one line in the log, and the program begins again in the same process.
#ifndef TIMESTEP_CCRASH_H
#define TIMESTEP_CCRASH_H

/// How lines of the log look.
enum { CCRASH_TEXT = 0, CCRASH_JSON = 1 };

/// Crashes less than so far apart are in a row.
enum { CCRASH_ROW_SECONDS = 60 };

/// From now on a fault (SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV) writes a line to the standard error and
/// executes `/proc/self/exe` again with the arguments and the environment that the process has now, and with
/// `name`="crashes,in_row" in the environment, each one more than here; `in_row` is 1 again where the process has lived
/// for `CCRASH_ROW_SECONDS`. The process keeps its number; its threads, memory and descriptors but the first three are
/// gone.
///
/// Call it once. Everything the handler needs is copied now: in it, no memory can be had. 0, or -1 where there is no
/// memory.
int ccrash_begin_again(char *const arguments[], const char *name, long crashes, long in_row, int style);

/// The parts of the handler that can be tried without a crash.
/// Writes "2025-03-01T12:00:00.123Z" and a zero into `text`, of 25 bytes.
void ccrash_timestamp(long long seconds, long nanoseconds, char *text);

#endif

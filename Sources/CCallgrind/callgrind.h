// Requests to valgrind's callgrind, which counts instructions: to count from here, to stop, to write what was counted.
// They are rotations that cancel out and an exchange of a register with itself, which do nothing on a processor; the
// interface is that of valgrind/callgrind.h, which valgrind promises to keep.

#ifndef CCALLGRIND_H
#define CCALLGRIND_H

#if defined(__x86_64__)
static inline unsigned long callgrind_request(unsigned long request, unsigned long argument) {
    volatile unsigned long words[6] = {request, argument, 0, 0, 0, 0};
    unsigned long answer = 0;
    __asm__ volatile("rolq $3, %%rdi\n\trolq $13, %%rdi\n\trolq $61, %%rdi\n\trolq $51, %%rdi\n\txchgq %%rbx, %%rbx"
                     : "=d"(answer)
                     : "a"(&words[0]), "0"(answer)
                     : "cc", "memory");
    return answer;
}
#else
static inline unsigned long callgrind_request(unsigned long request, unsigned long argument) {
    (void)request;
    (void)argument;
    return 0;
}
#endif

/// Whether this process runs under any of valgrind's tools.
static inline int callgrind_is_there(void) { return callgrind_request(0x1001, 0) != 0; }

#define CALLGRIND_BASE (((unsigned long)'C' << 24) | ((unsigned long)'T' << 16))

static inline void callgrind_zero(void) { callgrind_request(CALLGRIND_BASE + 1, 0); }
static inline void callgrind_dump(const char *_Nonnull name) {
    callgrind_request(CALLGRIND_BASE + 3, (unsigned long)name);
}
static inline void callgrind_start(void) { callgrind_request(CALLGRIND_BASE + 4, 0); }
static inline void callgrind_stop(void) { callgrind_request(CALLGRIND_BASE + 5, 0); }

#endif

#include "allocations.h"

#include <errno.h>
#include <malloc.h>
#include <stddef.h>

// The C library's own allocator, under the names that it has for programs that replace the usual ones.
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *block);

static _Thread_local long count;
static _Thread_local long bytes;

long allocations_of_this_thread(void) { return count; }

long bytes_of_this_thread(void) { return bytes; }

static void *counted(void *block) {
    count++;
    if (block) bytes += (long)malloc_usable_size(block);
    return block;
}

void *malloc(size_t size) { return counted(__libc_malloc(size)); }

void *calloc(size_t members, size_t size) { return counted(__libc_calloc(members, size)); }

void *realloc(void *block, size_t size) {
    long before = block ? (long)malloc_usable_size(block) : 0;
    void *moved = counted(__libc_realloc(block, size));
    // One that cannot be moved stays.
    if (moved || size == 0) bytes -= before;
    return moved;
}

void *memalign(size_t alignment, size_t size) { return counted(__libc_memalign(alignment, size)); }

void *aligned_alloc(size_t alignment, size_t size) { return counted(__libc_memalign(alignment, size)); }

int posix_memalign(void **block, size_t alignment, size_t size) {
    *block = counted(__libc_memalign(alignment, size));
    return *block ? 0 : ENOMEM;
}

void free(void *block) {
    if (block) bytes -= (long)malloc_usable_size(block);
    __libc_free(block);
}

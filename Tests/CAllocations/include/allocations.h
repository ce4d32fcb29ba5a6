// Counts the allocations of a thread: this program's allocator calls the C library's and counts.

#ifndef CALLOCATIONS_H
#define CALLOCATIONS_H

/// Blocks that the calling thread has asked for since it began.
long allocations_of_this_thread(void);

/// Bytes of the blocks that it has asked for, less those of the blocks that it has given back.
long bytes_of_this_thread(void);

#endif

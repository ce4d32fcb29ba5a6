// What Swift's Glibc module does not show: epoll, eventfd, accept4, and sockets without casts.
#ifndef TIMESTEP_CPOSIX_H
#define TIMESTEP_CPOSIX_H

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

// glibc declares this only under _GNU_SOURCE, which a module of Swift's own may have been built without.
extern int accept4(int, struct sockaddr *, socklen_t *, int);

/// Lets other threads go first, for the calling thread alone (Linux takes 0 for the thread, not the process).
static inline int cposix_be_nice(int niceness) { return setpriority(PRIO_PROCESS, 0, niceness); }

/// Makes malloc give memory back: few arenas, and large blocks mapped and unmapped one by one, whatever their history.
/// 1 where all of it was taken.
static inline int cposix_limit_malloc(int arenas, int mapped_from, int trimmed_from) {
    return mallopt(M_ARENA_MAX, arenas) & mallopt(M_MMAP_THRESHOLD, mapped_from) & mallopt(M_TRIM_THRESHOLD, trimmed_from);
}

/// Names the calling thread, as ps and the log of a crash show it: 15 bytes at most.
static inline void cposix_name_thread(const char *name) { prctl(PR_SET_NAME, name); }

/// Two connected ends that no program started from here inherits: a pipe whose writer can refuse the signal.
static inline int cposix_channel(int ends[2]) { return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends); }

/// Writes a byte if there is room. A reader that is gone gives EPIPE, never the signal that would end the process.
static inline ssize_t cposix_hint(int descriptor, unsigned char byte) {
    return send(descriptor, &byte, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/// Takes what has come on a channel, without waiting: how many bytes, 0 at its end, -1 where there are none.
static inline ssize_t cposix_hear(int descriptor, unsigned char *bytes, size_t count) {
    return recv(descriptor, bytes, count, MSG_DONTWAIT);
}

/// A readiness event as plain integers (`struct epoll_event` is packed and holds a union).
struct cposix_event {
    uint64_t token;
    uint32_t readable;  // data, or the end of data
    uint32_t writable;
    uint32_t peer_finished;  // the peer will send no more
    uint32_t broken;  // reset, or closed in both directions
};

/// A new epoll descriptor, or -1 with errno.
static inline int cposix_epoll_create(void) { return epoll_create1(EPOLL_CLOEXEC); }

/// Watches a descriptor for everything, edge-triggered: it is reported once per change and never needs re-arming.
static inline int cposix_epoll_add(int epoll, int descriptor, uint64_t token) {
    struct epoll_event event;
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.u64 = token;
    return epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event);
}

/// As above for input alone: listeners and wake-up counters.
static inline int cposix_epoll_add_input(int epoll, int descriptor, uint64_t token) {
    struct epoll_event event;
    event.events = EPOLLIN | EPOLLET;
    event.data.u64 = token;
    return epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event);
}

static inline int cposix_epoll_remove(int epoll, int descriptor) {
    return epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, NULL);
}

/// Waits for events, at most `capacity` and 256 of them; -1 with errno, EINTR included.
static inline int cposix_epoll_wait(int epoll, struct cposix_event *events, int capacity, int milliseconds) {
    struct epoll_event raw[256];
    int count = epoll_wait(epoll, raw, capacity < 256 ? capacity : 256, milliseconds);
    for (int i = 0; i < count; i++) {
        uint32_t bits = raw[i].events;
        events[i].token = raw[i].data.u64;
        events[i].broken = (bits & (EPOLLERR | EPOLLHUP)) != 0;
        events[i].readable = (bits & (EPOLLIN | EPOLLRDHUP)) != 0 || events[i].broken;
        events[i].writable = (bits & EPOLLOUT) != 0 || events[i].broken;
        events[i].peer_finished = (bits & EPOLLRDHUP) != 0;
    }
    return count;
}

/// A counter to wake an epoll with, or -1 with errno.
static inline int cposix_eventfd(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

static inline int cposix_eventfd_signal(int descriptor) { return eventfd_write(descriptor, 1); }

static inline int cposix_eventfd_clear(int descriptor) {
    eventfd_t value;
    return eventfd_read(descriptor, &value);
}

/// Accepts a connection, non-blocking and closed on exec; fills `address`. -1 with errno.
static inline int cposix_accept(int listener, struct sockaddr_storage *address) {
    socklen_t length = sizeof *address;
    return accept4(listener, (struct sockaddr *)address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

/// A stream socket, non-blocking and closed on exec. -1 with errno.
static inline int cposix_stream_socket(int family) {
    return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static inline int cposix_set_option(int descriptor, int level, int name, int value) {
    return setsockopt(descriptor, level, name, &value, sizeof value);
}

/// Answers go out in one call each, so waiting for more to send only delays them.
static inline int cposix_no_delay(int descriptor) {
    return cposix_set_option(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);
}

/// Lets a restarted server have its port back while old connections are in TIME_WAIT.
static inline int cposix_reuse_address(int descriptor) {
    return cposix_set_option(descriptor, SOL_SOCKET, SO_REUSEADDR, 1);
}

/// The error a non-blocking connect ended with, 0 for success; -1 where even that cannot be read.
static inline int cposix_socket_error(int descriptor) {
    int error = 0;
    socklen_t length = sizeof error;
    return getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : -1;
}

/// Sends gathered buffers. A peer that is gone gives EPIPE, never the signal that would end the process.
static inline ssize_t cposix_send(int descriptor, struct iovec *buffers, size_t count) {
    struct msghdr message;
    memset(&message, 0, sizeof message);
    message.msg_iov = buffers;
    message.msg_iovlen = count;
    return sendmsg(descriptor, &message, MSG_NOSIGNAL);
}

/// Writes "127.0.0.1" or "::1" into `host` and gives the port; -1 for a family that has none.
static inline int cposix_numeric_address(const struct sockaddr_storage *address, char *host, size_t capacity) {
    socklen_t length = address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    char port[16];
    if (getnameinfo((const struct sockaddr *)address, length, host, (socklen_t)capacity, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return -1;
    int number = 0;
    for (char *digit = port; *digit; digit++) number = number * 10 + (*digit - '0');
    return number;
}

/// The local address of a socket. -1 with errno.
static inline int cposix_local_address(int descriptor, struct sockaddr_storage *address) {
    socklen_t length = sizeof *address;
    return getsockname(descriptor, (struct sockaddr *)address, &length);
}

#endif

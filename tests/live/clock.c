#define _GNU_SOURCE
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
/* The clock of the wall is set forward, back and far ahead, every tenth of a second; by calls of the kernel, and not by its page. */
static long step(void) {
    static const long steps[] = {0, 3600, -86400, 315360000};
    struct timespec now;
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
    return steps[now.tv_nsec / 100000000 % 4];
}
int clock_gettime(clockid_t clock, struct timespec *time) {
    long failed = syscall(SYS_clock_gettime, clock, time);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) time->tv_sec += step();
    return failed;
}
int gettimeofday(struct timeval *restrict time, void *restrict zone) {
    long failed = syscall(SYS_gettimeofday, time, zone);
    if (!failed) time->tv_sec += step();
    return failed;
}
time_t time(time_t *out) {
    struct timeval now;
    gettimeofday(&now, 0);
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}

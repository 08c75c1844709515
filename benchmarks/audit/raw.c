/* What the disk can do at most: the same bytes in the same batches, one write and one fdatasync each.
 * raw FILE BYTES ROUNDS → seconds */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifdef __APPLE__
#define fdatasync(fd) fcntl(fd, F_FULLFSYNC)
#endif

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    size_t size = strtoul(argv[2], NULL, 10);
    long rounds = strtol(argv[3], NULL, 10);
    char *batch = malloc(size);
    int fd = open(argv[1], O_RDWR | O_CREAT | O_APPEND | O_TRUNC, 0600);
    if (batch == NULL || fd < 0) return 1;
    memset(batch, 'x', size);
    struct timespec begun, ended;
    clock_gettime(CLOCK_MONOTONIC, &begun);
    for (long round = 0; round < rounds; round++) {
        if (write(fd, batch, size) != (ssize_t)size || fdatasync(fd) != 0) return 1;
    }
    clock_gettime(CLOCK_MONOTONIC, &ended);
    printf("%.9f\n", (ended.tv_sec - begun.tv_sec) + (ended.tv_nsec - begun.tv_nsec) / 1e9);
    return 0;
}

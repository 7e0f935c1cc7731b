/* SPDX-License-Identifier: MIT */
/* Asks one location over one kept connection, again as soon as it is answered,
   and tells how long answers took and whether there was a slice of 100 ms
   without one: percentiles alone hide a worker that stood still.

   closed_loop PORT PATH SECONDS
   prints: median and 99th percentile in microseconds, the longest in
   milliseconds, the number of answers, of slices, and of empty slices */
#define _POSIX_C_SOURCE 200809L
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_ANSWERS = 4000000, MAX_SLICES = 10000 };

static double now(void)
{
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int connect_to(int port)
{
  int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_port = htons((unsigned short)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
  if (fd < 0 ||
      connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
    perror("closed_loop: connect");
    exit(EXIT_FAILURE);
  }
  return fd;
}

/* An answer here is one with "ok" and a line end after its headers. */
static void ask(int fd, const char *request, size_t len)
{
  char answer[4096];
  size_t got = 0;
  bool sent = write(fd, request, len) == (ssize_t)len;
  while (sent) {
    ssize_t n = read(fd, answer + got, sizeof(answer) - 1 - got);
    if (n <= 0)
      break;
    got += (size_t)n;
    answer[got] = '\0';
    if (strstr(answer, "\r\n\r\nok\n"))
      return;
  }
  fputs("closed_loop: no answer\n", stderr);
  exit(EXIT_FAILURE);
}

static int by_value(const void *a, const void *b)
{
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
  if (argc != 4)
    return EXIT_FAILURE;
  double seconds = strtod(argv[3], NULL);
  char request[512];
  int len = snprintf(request, sizeof(request),
                     "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", argv[2]);
  float *took = malloc(MAX_ANSWERS * sizeof(*took));
  static unsigned slices[MAX_SLICES];
  int fd = connect_to((int)strtol(argv[1], NULL, 10));
  if (!took)
    return EXIT_FAILURE;

  size_t count = 0;
  double begin = now(), before = begin;
  while (before - begin < seconds && count < MAX_ANSWERS) {
    ask(fd, request, (size_t)len);
    double after = now();
    took[count++] = (float)(after - before);
    slices[(size_t)((after - begin) * 10) % MAX_SLICES]++;
    before = after;
  }

  size_t whole = (size_t)(seconds * 10), empty = 0;
  for (size_t i = 0; i < whole; i++)
    empty += slices[i] == 0;
  qsort(took, count, sizeof(*took), by_value);
  printf("%.1f %.1f %.2f %zu %zu %zu\n", (double)took[count / 2] * 1e6,
         (double)took[count * 99 / 100] * 1e6, (double)took[count - 1] * 1e3,
         count, whole, empty);
  free(took);
  close(fd);
  return EXIT_SUCCESS;
}

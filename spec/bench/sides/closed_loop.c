/* SPDX-License-Identifier: MIT */
/* Asks one location over one or more kept connections, on each again as soon as
   it is answered, and tells how long answers took and whether there was a slice
   of 100 ms without one: percentiles alone hide a worker that stood still.

   closed_loop PORT PATH SECONDS [CONNECTIONS]
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

enum {
  MAX_ANSWERS = 4000000,
  MAX_SLICES = 10000,
  MAX_CONNECTIONS = 64,
};

struct connection {
  int fd;
  double asked; /* when */
};

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

static void fail(const char *why)
{
  fprintf(stderr, "closed_loop: %s\n", why);
  exit(EXIT_FAILURE);
}

static void ask(struct connection *connection, const char *request)
{
  size_t len = strlen(request);
  connection->asked = now();
  if (write(connection->fd, request, len) != (ssize_t)len)
    fail("the request is not taken");
}

/* Whether it is "ok" and a line end, as it is or as one chunk. */
static bool is_whole(const char *answer)
{
  return strstr(answer, "\r\n\r\nok\n") ||
         strstr(answer, "\r\n\r\n3\r\nok\n\r\n0\r\n\r\n");
}

static void await(const struct connection *connection)
{
  char answer[4096];
  size_t got = 0;
  do {
    ssize_t n = read(connection->fd, answer + got, sizeof(answer) - 1 - got);
    if (n <= 0)
      fail("no answer");
    got += (size_t)n;
    answer[got] = '\0';
  } while (!is_whole(answer));
  if (strncmp(answer, "HTTP/1.1 200 ", 13) != 0)
    fail("another status");
}

static int by_value(const void *a, const void *b)
{
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
  long connections = argc == 5 ? strtol(argv[4], NULL, 10) : 1;
  if (argc < 4 || connections < 1 || connections > MAX_CONNECTIONS)
    return EXIT_FAILURE;
  double seconds = strtod(argv[3], NULL);
  char request[512];
  snprintf(request, sizeof(request),
           "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", argv[2]);
  float *took = malloc(MAX_ANSWERS * sizeof(*took));
  static unsigned slices[MAX_SLICES];
  struct connection all[MAX_CONNECTIONS];
  if (!took)
    return EXIT_FAILURE;

  for (long i = 0; i < connections; i++)
    all[i].fd = connect_to((int)strtol(argv[1], NULL, 10));
  size_t count = 0;
  double begin = now(), after = begin;
  for (long i = 0; i < connections; i++)
    ask(&all[i], request);
  while (after - begin < seconds && count < MAX_ANSWERS) {
    struct connection *next = &all[count % (size_t)connections];
    await(next);
    after = now();
    took[count++] = (float)(after - next->asked);
    slices[(size_t)((after - begin) * 10) % MAX_SLICES]++;
    ask(next, request);
  }

  size_t whole = (size_t)(seconds * 10), empty = 0;
  for (size_t i = 0; i < whole; i++)
    empty += slices[i] == 0;
  qsort(took, count, sizeof(*took), by_value);
  printf("%.1f %.1f %.2f %zu %zu %zu\n", (double)took[count / 2] * 1e6,
         (double)took[count * 99 / 100] * 1e6, (double)took[count - 1] * 1e3,
         count, whole, empty);
  free(took);
  return EXIT_SUCCESS;
}

/* SPDX-License-Identifier: MIT */
/* One side of a comparison, the C half of rounds.lua: for each line of stdin,
   a number, does its work so many times and answers with the CPU seconds that
   took. Whoever asks measures the wall time. */
#ifndef BENCH_ROUNDS_H
#define BENCH_ROUNDS_H

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

typedef void work(void *state);

static inline int rounds(work *once, void *state)
{
  char line[32];
  while (fgets(line, sizeof(line), stdin)) {
    long count = strtol(line, NULL, 10);
    clock_t begin = clock();
    while (count-- > 0)
      once(state);
    printf("%.6f\n", (double)(clock() - begin) / CLOCKS_PER_SEC);
    fflush(stdout);
  }
  return EXIT_SUCCESS;
}

static inline void must(int holds, const char *what)
{
  if (holds)
    return;
  fprintf(stderr, "bench: %s\n", what);
  exit(EXIT_FAILURE);
}

#endif

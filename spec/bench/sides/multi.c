/* SPDX-License-Identifier: MIT */
/* The same GET so many times at once, on one libcurl multi handle and one
   epoll descriptor, with easy handles that are used again and again.

   multi ORIGIN CALLS DELAY    that of the answers, milliseconds */
#define _POSIX_C_SOURCE 200809L
#include <curl/curl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "rounds.h"

enum { MAX_CALLS = 10000, MAX_OPEN = 512, BATCH = 64 };

struct state {
  CURLM *multi;
  int epoll;
  long timeout_ms;
  int calls;
  CURL *easy[MAX_CALLS];
  size_t bytes;
};

static size_t count(char *data, size_t size, size_t n, void *user)
{
  (void)data;
  *(size_t *)user += size * n;
  return size * n;
}

static int on_timer(CURLM *multi, long timeout_ms, void *user)
{
  (void)multi;
  ((struct state *)user)->timeout_ms = timeout_ms;
  return 0;
}

static int on_interest(CURL *easy, curl_socket_t fd, int what, void *user,
                       void *known)
{
  (void)easy;
  struct state *state = user;
  struct epoll_event event = {.data.fd = fd};
  event.events = (what & CURL_POLL_IN ? EPOLLIN : 0u) |
                 (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
  if (what == CURL_POLL_REMOVE) {
    epoll_ctl(state->epoll, EPOLL_CTL_DEL, fd, &event);
    return 0;
  }
  if (!known)
    curl_multi_assign(state->multi, fd, state);
  return epoll_ctl(state->epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd,
                   &event);
}

static int collect(struct state *state)
{
  int left, done = 0;
  CURLMsg *message;
  while ((message = curl_multi_info_read(state->multi, &left))) {
    long status = 0;
    CURL *easy = message->easy_handle;
    must(message->data.result == CURLE_OK, "a transfer failed");
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    must(status == 200, "another answer than 200");
    curl_multi_remove_handle(state->multi, easy);
    done++;
  }
  return done;
}

static void get_all(void *user)
{
  struct state *state = user;
  int done = 0, running;
  for (int i = 0; i < state->calls; i++)
    curl_multi_add_handle(state->multi, state->easy[i]);
  while (done < state->calls) {
    struct epoll_event events[BATCH];
    int ready =
        epoll_wait(state->epoll, events, BATCH, (int)state->timeout_ms);
    if (ready == 0) {
      state->timeout_ms = -1;
      curl_multi_socket_action(state->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
    for (int i = 0; i < ready; i++)
      curl_multi_socket_action(
          state->multi, events[i].data.fd,
          (events[i].events & EPOLLIN ? CURL_CSELECT_IN : 0) |
              (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0),
          &running);
    done += collect(state);
  }
  must(state->bytes > 0, "nothing came");
}

int main(int argc, char **argv)
{
  static struct state state = {.timeout_ms = -1};
  const char *key = getenv("UDIO_API_KEY");
  must(argc == 4 && key, "multi ORIGIN CALLS DELAY, in the sandbox");
  char url[256], authorization[256], delay[64];
  snprintf(url, sizeof(url), "%s/api/v2/credits", argv[1]);
  snprintf(authorization, sizeof(authorization), "Authorization: Bearer %s",
           key);
  snprintf(delay, sizeof(delay), "X-Sandbox-Delay: %s", argv[3]);
  struct curl_slist *headers = curl_slist_append(NULL, authorization);
  headers = curl_slist_append(headers, delay);

  state.calls = (int)strtol(argv[2], NULL, 10);
  must(state.calls > 0 && state.calls <= MAX_CALLS, "so many calls");
  state.epoll = epoll_create1(0);
  state.multi = curl_multi_init();
  curl_multi_setopt(state.multi, CURLMOPT_SOCKETFUNCTION, on_interest);
  curl_multi_setopt(state.multi, CURLMOPT_SOCKETDATA, &state);
  curl_multi_setopt(state.multi, CURLMOPT_TIMERFUNCTION, on_timer);
  curl_multi_setopt(state.multi, CURLMOPT_TIMERDATA, &state);
  curl_multi_setopt(state.multi, CURLMOPT_MAX_TOTAL_CONNECTIONS,
                    (long)MAX_OPEN);
  for (int i = 0; i < state.calls; i++) {
    CURL *easy = state.easy[i] = curl_easy_init();
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_CAINFO, getenv("SSL_CERT_FILE"));
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, count);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &state.bytes);
  }
  int status = rounds(get_all, &state);
  for (int i = 0; i < state.calls; i++)
    curl_easy_cleanup(state.easy[i]);
  curl_multi_cleanup(state.multi);
  curl_slist_free_all(headers);
  close(state.epoll);
  return status;
}

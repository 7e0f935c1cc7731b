/* SPDX-License-Identifier: MIT */
#include "multi.h"

#include <errno.h>

#include "clock.h"
#include "scarcity.h"

/* Connections that are kept, beside as many as are in use. */
enum { MAX_IDLE = 64 };

/* Two for each look-up, IPv4 and IPv6: of so many hosts all may stall. */
enum { MAX_RESOLVER_THREADS = 512 };

/* Descriptors that a new multi handle must find: two to wake it, and one to
   see whether there is IPv6, which is not asked again. */
enum { DESCRIPTORS = 3 };

/* libcurl 8.20's, by number, as these may be the headers of an older one; an
   older libcurl does not know them, and does not need them. */
enum { OPT_RESOLVE_THREADS_MAX = 20, OPT_QUICK_EXIT = 21 };

/* -- libcurl's callbacks ---------------------------------------------------- */

static void lacks(struct multi_user *user, int *lack, int error)
{
  if (!error)
    return;
  *lack = error;
  user->multi->doubtful = true;
}

static curl_socket_t on_open(void *user, curlsocktype purpose,
                             struct curl_sockaddr *address)
{
  (void)purpose;
  struct multi_user *opener = user;
  int fd = sockets_open(&opener->multi->sockets, address->family,
                        address->socktype, address->protocol, clock_ms());
  if (fd < 0 && scarcity_is_of_sockets(errno))
    lacks(opener, &opener->lack, errno);
  return fd;
}

static int on_close(void *user, curl_socket_t fd)
{
  struct multi *multi = user;
  if (!multi->lack) /* with this one it may be over */
    multi->lack = scarcity_of_descriptors(1);
  poller_watch(multi->poller, fd, 0);
  sockets_close(&multi->sockets, fd);
  return 0;
}

/* By a thread of libcurl's, which wants descriptors too. */
static bool is_looking_up(CURL *easy)
{
  curl_off_t us = 0;
  curl_easy_getinfo(easy, CURLINFO_NAMELOOKUP_TIME_T, &us);
  return us == 0;
}

static int on_interest(CURL *easy, curl_socket_t fd, int what, void *user,
                       void *socket_user)
{
  (void)socket_user;
  struct multi *multi = user;
  struct multi_user *of = NULL;
  curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&of);
  int interest = 0;
  if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
    interest |= POLLER_READ;
  if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
    interest |= POLLER_WRITE;
  if (of && interest && is_looking_up(easy))
    lacks(of, &of->lookup_lack, scarcity_of_descriptors(1));
  /* A failure is the transfer's; told of it, libcurl would give up the whole
     multi handle. */
  if (!poller_watch(multi->poller, fd, interest) && of) {
    of->lack = errno;
    of->unwatched = multi->unwatched = true;
  }
  return 0;
}

static int on_timer(CURLM *handle, long timeout_ms, void *user)
{
  (void)handle;
  struct multi *multi = user;
  multi->due = timeout_ms < 0 ? INT64_MAX : clock_ms() + timeout_ms;
  return 0;
}

/* -- easy handles ----------------------------------------------------------- */

bool multi_adopt(struct multi *multi, CURL *easy, struct multi_user *user)
{
  user->multi = multi;
  return curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open) ==
             CURLE_OK &&
         curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, user) == CURLE_OK &&
         curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close) ==
             CURLE_OK &&
         curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, multi) == CURLE_OK;
}

/* As many connections as are in use may be kept: else one that is done with
   its request would be closed for the next to be opened. */
static void keep_connections(struct multi *multi, size_t wanted)
{
  if (wanted != multi->kept)
    curl_multi_setopt(multi->handle, CURLMOPT_MAXCONNECTS, (long)wanted);
  multi->kept = wanted;
}

static int open_handle(struct multi *multi)
{
  if (multi->doubtful && multi->count == 0)
    multi_reset(multi);
  if (multi->handle)
    return 0;
  int lack = scarcity_of_descriptors(DESCRIPTORS);
  if (lack)
    return lack;
  CURLM *handle = curl_multi_init();
  if (!handle)
    return ENOMEM;
  curl_multi_setopt(handle, CURLMOPT_SOCKETFUNCTION, on_interest);
  curl_multi_setopt(handle, CURLMOPT_SOCKETDATA, multi);
  curl_multi_setopt(handle, CURLMOPT_TIMERFUNCTION, on_timer);
  curl_multi_setopt(handle, CURLMOPT_TIMERDATA, multi);
  curl_multi_setopt(handle, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)multi->most);
  curl_multi_setopt(handle, (CURLMoption)OPT_RESOLVE_THREADS_MAX,
                    (long)MAX_RESOLVER_THREADS);
  curl_multi_setopt(handle, (CURLMoption)OPT_QUICK_EXIT, 1L);
  multi->handle = handle;
  keep_connections(multi, MAX_IDLE);
  return 0;
}

int multi_add(struct multi *multi, CURL *easy)
{
  int lack = open_handle(multi);
  if (lack)
    return lack;
  if (curl_multi_add_handle(multi->handle, easy) != CURLM_OK)
    return ENOMEM;
  if (++multi->count > multi->kept)
    keep_connections(multi, multi->count);
  return 0;
}

void multi_remove(struct multi *multi, CURL *easy)
{
  curl_multi_remove_handle(multi->handle, easy);
  if (--multi->count == 0)
    keep_connections(multi, MAX_IDLE);
}

/* -- moving ----------------------------------------------------------------- */

/* Of an error libcurl says nothing but that there is one: what it was it finds
   out where it tries to read or write. */
static int to_curl(int ready)
{
  const int all = CURL_CSELECT_IN | CURL_CSELECT_OUT | CURL_CSELECT_ERR;
  return (ready & POLLER_READ ? CURL_CSELECT_IN : 0) |
         (ready & POLLER_WRITE ? CURL_CSELECT_OUT : 0) |
         (ready & POLLER_ERROR ? all : 0);
}

bool multi_move(struct multi *multi, const struct poller_event *events,
                int count)
{
  CURLMcode code = CURLM_OK;
  int running;
  multi->lack = 0;
  for (int i = 0; code == CURLM_OK && i < count; i++)
    code = curl_multi_socket_action(multi->handle, events[i].fd,
                                    to_curl(events[i].ready), &running);
  if (code == CURLM_OK && multi->due <= clock_ms()) {
    multi->due = INT64_MAX;
    code = curl_multi_socket_action(multi->handle, CURL_SOCKET_TIMEOUT, 0,
                                    &running);
  }
  return code == CURLM_OK;
}

CURL *multi_next_done(struct multi *multi, CURLcode *code)
{
  int left;
  const CURLMsg *message = curl_multi_info_read(multi->handle, &left);
  if (!message)
    return NULL;
  *code = message->data.result;
  return message->easy_handle;
}

/* -- beginning and end ------------------------------------------------------ */

bool multi_init(struct multi *multi, size_t most)
{
  *multi =
      (struct multi){.most = most, .due = INT64_MAX, .poller = poller_new()};
  return multi->poller != NULL;
}

void multi_reset(struct multi *multi)
{
  curl_multi_cleanup(multi->handle);
  multi->handle = NULL;
  multi->kept = 0;
  multi->due = INT64_MAX;
  multi->doubtful = false;
}

void multi_free(struct multi *multi)
{
  curl_multi_cleanup(multi->handle);
  sockets_free(&multi->sockets);
  poller_free(multi->poller);
}

void multi_abandon(struct multi *multi)
{
  sockets_free(&multi->sockets);
  poller_abandon(multi->poller);
  multi->poller = NULL;
}

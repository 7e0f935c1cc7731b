/* SPDX-License-Identifier: MIT */
#include "multi.h"

#include <errno.h>

#include "libcurl.h"
#include "getinfo.h"
#include "scarcity.h"

/* A look-up has two, for IPv4 and IPv6, and those of many hosts may stall. */
enum { MAX_RESOLVER_THREADS = 512 };

/* Descriptors that a new multi handle needs: two to be woken up, and one to
   see whether there is IPv6, which it does only once. */
enum { DESCRIPTORS_NEEDED = 3 };

/* CURLMOPT_RESOLVE_THREADS_MAX and CURLMOPT_QUICK_EXIT, since libcurl 8.20. An
   older one refuses them, and does not need them. */
enum { OPT_RESOLVE_THREADS_MAX = 20, OPT_QUICK_EXIT = 21 };

/* -- libcurl's callbacks ---------------------------------------------------- */

static struct multi_easy *easy_of(CURL *handle)
{
  struct multi_easy *easy = NULL;
  curl_easy_getinfo(handle, CURLINFO_PRIVATE, (char **)&easy);
  return easy;
}

static void note_lack(struct multi_easy *easy, int *lack, int error)
{
  if (!error)
    return;
  *lack = error;
  easy->multi->outdated = true;
}

static curl_socket_t on_open(void *user, curlsocktype purpose,
                             struct curl_sockaddr *address)
{
  (void)purpose;
  struct multi_easy *easy = user;
  struct socket *socket;
  int error =
      sockets_open(&easy->multi->sockets, address->family, address->socktype,
                   address->protocol, clock_ms(), &socket);
  if (scarcity_is_of_sockets(error))
    note_lack(easy, &easy->socket_lack, error);
  if (error) {
    errno = error; /* for CURLINFO_OS_ERRNO */
    return CURL_SOCKET_BAD;
  }
  socket->opener = easy;
  return socket->fd;
}

static int watch(struct multi *multi, struct socket *socket, int interest)
{
  if (interest == socket->watched)
    return 0;
  int lack = poller_watch(multi->poller, socket->fd, interest);
  if (!lack)
    socket->watched = interest;
  return lack;
}

static int on_close(void *user, curl_socket_t fd)
{
  struct multi *multi = user;
  if (!multi->lack) /* which the next close may end */
    multi->lack = scarcity_of_descriptors(1);
  struct socket *socket = sockets_of(&multi->sockets, fd);
  if (socket)
    watch(multi, socket, 0); /* a child may have it open */
  sockets_close(&multi->sockets, fd);
  return 0;
}

/* A connection stays watched between two requests, which saves two system calls
   for each. Nothing should come over it then: drop_stray sees to what does. */
static int watch_ours(struct multi *multi, struct socket *socket, int interest)
{
  sockets_want(&multi->sockets, socket, interest);
  if (interest == 0 && socket->watched == POLLER_READ)
    return 0;
  return watch(multi, socket, interest);
}

/* libcurl's own, for the end of a look-up: its thread needs some too. */
static int watch_other(struct multi *multi, struct multi_easy *easy, int fd,
                       int interest)
{
  if (easy && interest &&
      getinfo_seconds(easy->handle, CURLINFO_NAMELOOKUP_TIME_T) == 0)
    note_lack(easy, &easy->lookup_lack, scarcity_of_descriptors(1));
  return poller_watch(multi->poller, fd, interest);
}

static int on_interest(CURL *handle, curl_socket_t fd, int what, void *user,
                       void *socket_user)
{
  (void)socket_user;
  struct multi *multi = user;
  struct multi_easy *easy = easy_of(handle);
  int interest = 0;
  if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
    interest |= POLLER_READ;
  if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
    interest |= POLLER_WRITE;
  struct socket *socket = sockets_of(&multi->sockets, fd);
  /* Told of an error here, libcurl would give up the whole multi handle. */
  int lack = socket ? watch_ours(multi, socket, interest)
                    : watch_other(multi, easy, fd, interest);
  if (lack && easy) {
    easy->watch_lack = lack;
    multi->has_unwatched = true;
  }
  return 0;
}

static int on_timer(CURLM *handle, long timeout_ms, void *user)
{
  (void)handle;
  struct multi *multi = user;
  multi->curl_due = timeout_ms < 0 ? INT64_MAX : clock_ms() + timeout_ms;
  return 0;
}

/* -- easy handles ----------------------------------------------------------- */

int multi_adopt(struct multi *multi, struct multi_easy *easy, void *transfer)
{
  CURL *handle = easy->handle;
  easy->multi = multi;
  easy->transfer = transfer;
  bool done =
      curl_easy_setopt(handle, CURLOPT_PRIVATE, easy) == CURLE_OK &&
      curl_easy_setopt(handle, CURLOPT_OPENSOCKETFUNCTION, on_open) ==
          CURLE_OK &&
      curl_easy_setopt(handle, CURLOPT_OPENSOCKETDATA, easy) == CURLE_OK &&
      curl_easy_setopt(handle, CURLOPT_CLOSESOCKETFUNCTION, on_close) ==
          CURLE_OK &&
      curl_easy_setopt(handle, CURLOPT_CLOSESOCKETDATA, multi) == CURLE_OK;
  return done ? 0 : ENOMEM;
}

/* At least as many as are in use: else libcurl would close a connection after
   its request, to open another one. */
static void keep_connections(struct multi *multi, size_t max_kept)
{
  if (max_kept != multi->max_kept)
    curl_multi_setopt(multi->handle, CURLMOPT_MAXCONNECTS, (long)max_kept);
  multi->max_kept = max_kept;
}

static int open_handle(struct multi *multi)
{
  if (multi->outdated && multi->count == 0)
    multi_reset(multi);
  if (multi->handle)
    return 0;
  int lack = scarcity_of_descriptors(DESCRIPTORS_NEEDED);
  if (lack)
    return lack;
  CURLM *handle = curl_multi_init();
  if (!handle)
    return ENOMEM;
  curl_multi_setopt(handle, CURLMOPT_SOCKETFUNCTION, on_interest);
  curl_multi_setopt(handle, CURLMOPT_SOCKETDATA, multi);
  curl_multi_setopt(handle, CURLMOPT_TIMERFUNCTION, on_timer);
  curl_multi_setopt(handle, CURLMOPT_TIMERDATA, multi);
  curl_multi_setopt(handle, CURLMOPT_MAX_TOTAL_CONNECTIONS,
                    (long)multi->max_connections);
  curl_multi_setopt(handle, (CURLMoption)OPT_RESOLVE_THREADS_MAX,
                    (long)MAX_RESOLVER_THREADS);
  curl_multi_setopt(handle, (CURLMoption)OPT_QUICK_EXIT, 1L);
  multi->handle = handle;
  keep_connections(multi, multi->max_idle);
  return 0;
}

int multi_add(struct multi *multi, struct multi_easy *easy)
{
  int lack = open_handle(multi);
  if (lack)
    return lack;
  if (curl_multi_add_handle(multi->handle, easy->handle) != CURLM_OK)
    return ENOMEM;
  list_append(&multi->easies, &easy->item, easy);
  if (++multi->count > multi->max_kept)
    keep_connections(multi, multi->count);
  return 0;
}

void multi_remove(struct multi_easy *easy)
{
  struct multi *multi = easy->multi;
  if (!easy->item.list)
    return;
  curl_multi_remove_handle(multi->handle, easy->handle);
  list_remove(&easy->item);
  if (--multi->count == 0)
    keep_connections(multi, multi->max_idle);
}

bool multi_is_shared(const struct multi_easy *easy)
{
  const SSL *tls = getinfo_tls(easy->handle);
  const struct list_item *item = easy->multi->easies.first;
  for (; item; item = item->next) {
    const struct multi_easy *other = item->owner;
    if (other != easy && getinfo_tls(other->handle) == tls)
      return true;
  }
  return false;
}

/* -- moving ----------------------------------------------------------------- */

void multi_limit(struct multi *multi, int64_t due)
{
  if (due < multi->limit_due)
    multi->limit_due = due;
}

int64_t multi_due(const struct multi *multi)
{
  return multi->curl_due < multi->limit_due ? multi->curl_due
                                            : multi->limit_due;
}

/* libcurl finds out which error it is when it reads or writes. */
static int to_curl(int ready)
{
  const int all = CURL_CSELECT_IN | CURL_CSELECT_OUT | CURL_CSELECT_ERR;
  return (ready & POLLER_READ ? CURL_CSELECT_IN : 0) |
         (ready & POLLER_WRITE ? CURL_CSELECT_OUT : 0) |
         (ready & POLLER_ERROR ? all : 0);
}

bool multi_may_be_ready(const struct multi *multi)
{
  const struct sockets *sockets = &multi->sockets;
  return sockets->wanted > 0 || (multi->count == 0 && sockets->count > 0);
}

/* What libcurl does not wait for would be ready for ever. */
static bool drop_stray(struct multi *multi, int fd)
{
  struct socket *socket = sockets_of(&multi->sockets, fd);
  if (!socket || socket->wanted)
    return false;
  sockets_stray(socket);
  watch(multi, socket, 0);
  return true;
}

int multi_move(struct multi *multi, const struct poller_event *events,
               int count)
{
  CURLMcode code = CURLM_OK;
  int running;
  multi->lack = 0;
  for (int i = 0; code == CURLM_OK && i < count; i++)
    if (!drop_stray(multi, events[i].fd))
      code = curl_multi_socket_action(multi->handle, events[i].fd,
                                      to_curl(events[i].ready), &running);
  if (code == CURLM_OK && multi->curl_due <= clock_ms()) {
    multi->curl_due = INT64_MAX;
    code = curl_multi_socket_action(multi->handle, CURL_SOCKET_TIMEOUT, 0,
                                    &running);
  }
  return code == CURLM_OK ? 0 : ENOMEM;
}

void *multi_next_done(struct multi *multi, CURLcode *code)
{
  int left;
  const CURLMsg *message = curl_multi_info_read(multi->handle, &left);
  if (!message)
    return NULL;
  *code = message->data.result;
  return easy_of(message->easy_handle)->transfer;
}

/* -- beginning and end ------------------------------------------------------ */

int multi_init(struct multi *multi, size_t max_connections, size_t max_idle)
{
  *multi = (struct multi){.max_connections = max_connections,
                          .max_idle = max_idle,
                          .curl_due = INT64_MAX,
                          .limit_due = INT64_MAX};
  return poller_new(&multi->poller);
}

void multi_reset(struct multi *multi)
{
  curl_multi_cleanup(multi->handle);
  multi->handle = NULL;
  multi->max_kept = 0;
  multi->curl_due = INT64_MAX;
  multi->outdated = false;
}

void multi_free(struct multi *multi)
{
  curl_multi_cleanup(multi->handle);
  sockets_free(&multi->sockets);
  poller_free(multi->poller);
}

void multi_abandon(struct multi *multi)
{
  struct multi_easy *easy;
  while ((easy = list_first(&multi->easies))) {
    list_remove(&easy->item);
    easy->handle = NULL;
  }
  sockets_free(&multi->sockets);
  poller_abandon(multi->poller);
  multi->poller = NULL;
}

/* SPDX-License-Identifier: MIT */
/* Whatever a server answers: the transfer ends in time, as an answer that is
   not longer than it may be, or as a failure with a kind and a message; and
   the next transfer on the same transport gets its own answer, and not a byte
   of what came before.

   The server is in this process, behind an interposed connect(), and time is
   ours: when nothing moves, the clock jumps to whatever is due next, so that
   an answer that never ends costs no waiting.

   An input is what the server sends, and at its end how: in which pieces,
   when it closes, and what it still sends when the answer is complete. */
#define _DEFAULT_SOURCE /* syscall */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "endpoint.h"
#include "input.h"
#include "transport.h"

enum {
  TIMEOUT = 5000, /* milliseconds */
  MAX_STEPS = 20000,
  MAX_CONNECTIONS = 8,
  MAX_PIECES = 9,
  MAX_REPEATS = 2000, /* of a piece: bodies of more than 1 MiB */
  BLOCK = 1 << 15,
  PORT = 9,
  WAYS = 4096
};

__attribute__((
    section("__libfuzzer_extra_counters"))) static uint8_t ways[WAYS];

#define GOOD "{\"code\":200,\"data\":{\"credits\":195}}"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* -- time ------------------------------------------------------------------- */

static int64_t elapsed_ms; /* since some moment */

int clock_gettime(clockid_t clock, struct timespec *now)
{
  if (clock != CLOCK_MONOTONIC)
    return (int)syscall(SYS_clock_gettime, clock, now);
  now->tv_sec = 1000 + elapsed_ms / 1000;
  now->tv_nsec = elapsed_ms % 1000 * 1000000;
  return 0;
}

/* -- the server's end of each connection ------------------------------------ */

struct connection {
  int ours;   /* the client's descriptor */
  int theirs; /* the server's, -1 once it has closed */
};

static struct connection connections[MAX_CONNECTIONS];
static size_t connection_count;

/* Both ends have addresses, as far as the client can ask: it knows its
   connections by them. */
int connect(int fd, const struct sockaddr *address, socklen_t len)
{
  (void)address;
  (void)len;
  int ends[2];
  PROMISE(connection_count < MAX_CONNECTIONS);
  PROMISE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
                     ends) == 0);
  PROMISE(dup2(ends[0], fd) == fd);
  close(ends[0]);
  connections[connection_count++] = (struct connection){fd, ends[1]};
  return 0;
}

static int name(int fd, bool is_peer, struct sockaddr *address, socklen_t *len)
{
  struct sockaddr_in in = {.sin_family = AF_INET,
                           .sin_port = htons(PORT),
                           .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  for (size_t i = 0; !is_peer && i < connection_count; i++)
    if (connections[i].ours == fd)
      in.sin_port =
          htons((uint16_t)(1000 + i)); /* the newest of this number */
  memcpy(address, &in, *len < sizeof(in) ? *len : sizeof(in));
  *len = sizeof(in);
  return 0;
}

int getsockname(int fd, struct sockaddr *restrict address,
                socklen_t *restrict len)
{
  return name(fd, false, address, len);
}

int getpeername(int fd, struct sockaddr *restrict address,
                socklen_t *restrict len)
{
  return name(fd, true, address, len);
}

static void hang_up(struct connection *connection)
{
  if (connection->theirs >= 0)
    close(connection->theirs);
  connection->theirs = -1;
}

/* Reads what came; true where the head of a request is at its end. */
static bool has_request(struct connection *connection)
{
  char bytes[4096];
  ssize_t got, last = 0;
  if (connection->theirs < 0)
    return false;
  while ((got = recv(connection->theirs, bytes, sizeof(bytes), 0)) > 0)
    last = got;
  return last >= 4 && memcmp(bytes + last - 4, "\r\n\r\n", 4) == 0;
}

/* All of it, or what the other side takes: a client that has heard enough
   does not listen any more. */
static void send_to(struct connection *connection, struct bytes piece)
{
  if (connection->theirs >= 0 && piece.len)
    (void)!send(connection->theirs, piece.data, piece.len, MSG_NOSIGNAL);
}

/* -- what the input says ---------------------------------------------------- */

struct script {
  struct bytes pieces[MAX_PIECES];
  size_t count;
  size_t repeats;    /* of the last one */
  struct bytes late; /* sent when the first transfer is over */
  bool closes;       /* after the last piece, else it leaves it open */
  bool closes_late;  /* after what is late */
};

static struct script read_script(struct input *input)
{
  struct script script = {.count = 0};
  unsigned how = take_byte(input);
  script.closes = how & 1;
  script.closes_late = how & 2;
  size_t late = how & 4 ? take_short(input) : 0;
  script.repeats = how & 8 ? take_short(input) % MAX_REPEATS : 0;
  size_t cuts = (how >> 4) % (MAX_PIECES - 1), at[MAX_PIECES];
  for (size_t i = 0; i < cuts; i++)
    at[i] = take_byte(input);

  if (late > input->len)
    late = input->len;
  script.late =
      (struct bytes){(const char *)input->data + input->len - late, late};
  input->len -= late;
  for (size_t i = 0; i < cuts; i++)
    script.pieces[script.count++] = take_text(input, at[i]);
  struct bytes last = take_text(input, input->len);
  script.pieces[script.count++] = last;
  return script;
}

/* So many of a piece at once as a block takes; returns how many. */
static size_t send_block(struct connection *connection, struct bytes piece,
                         size_t wanted)
{
  static char block[BLOCK];
  size_t count = 0, len = 0;
  for (; count < wanted && len + piece.len <= BLOCK; count++) {
    if (piece.len)
      memcpy(block + len, piece.data, piece.len);
    len += piece.len;
  }
  send_to(connection, (struct bytes){block, len});
  return count;
}

/* Sends what comes next; false where there is nothing left to be done. */
static bool play(const struct script *script, size_t *sent,
                 struct connection *connection)
{
  size_t last = script->count - 1, all = script->count + script->repeats;
  if (*sent < last)
    send_to(connection, script->pieces[*sent]);
  else if (*sent < all)
    *sent += send_block(connection, script->pieces[last], all - *sent) - 1;
  else if (*sent == all && script->closes)
    hang_up(connection);
  return ++*sent <= all + 1;
}

/* -- transfers --------------------------------------------------------------- */

static struct transfer *start(struct transport *transport, const char *path)
{
  static const struct endpoint endpoint = {.origin = "http://127.0.0.1:9",
                                           .host = "127.0.0.1:9"};
  static const struct header headers[] = {
      {{"Host", 4}, {"127.0.0.1:9", 11}},
      {{"Authorization", 13}, {"Bearer k", 8}}};
  const struct transport_request request = {.endpoint = &endpoint,
                                            .path = {path, strlen(path)},
                                            .headers = headers,
                                            .header_count = 2,
                                            .timeout_ms = TIMEOUT,
                                            .connect_timeout_ms = TIMEOUT};
  struct transfer *transfer;
  PROMISE(transport_start(transport, &request, &transfer) == TRANSPORT_OK);
  return transfer;
}

/* One step of the client. Where there was nothing to do, the clock moves to
   what is due next. */
static void step(struct transport *transport)
{
  int moved;
  int64_t due = transport_timeout_ms(transport);
  PROMISE(transport_run(transport, 0, &moved) == TRANSPORT_OK);
  if (!moved && due > 0)
    elapsed_ms += due;
}

/* How many steps of its script the server got to. */
static size_t answer_first(struct transport *transport,
                           const struct transfer *transfer,
                           const struct script *script)
{
  struct connection *connection = &connections[0];
  size_t sent = 0;
  bool asked = false;
  for (int i = 0; !transfer_is_done(transfer); i++) {
    PROMISE(i < MAX_STEPS);
    int moved;
    asked = asked || (connection_count && has_request(connection));
    if (asked && play(script, &sent, connection))
      PROMISE(transport_run(transport, 0, &moved) == TRANSPORT_OK);
    else
      step(transport);
  }
  PROMISE(elapsed_ms <= TIMEOUT + 1);
  PROMISE(connection_count == 1);
  return sent;
}

/* libcurl is not compiled for the fuzzer, so what it made of an answer stands
   in for the way that it took: an input that made it say something new leads
   further. */
static void mark(const struct transfer_result *result)
{
  size_t way = (size_t)result->code * 31 + (size_t)(result->status / 100) % 16;
  way = way * 31 + (size_t)result->http_version + result->reused;
  for (const char *c = result->message; c && *c; c++)
    if (!isdigit((unsigned char)*c))
      way = way * 31 + (unsigned char)*c;
  ways[way % WAYS] = 1;
}

static void is_result(const struct transfer *transfer)
{
  struct transfer_result result = transfer_result(transfer);
  mark(&result);
  if (result.outcome != OUTCOME_ANSWER) {
    PROMISE(outcome_kind(result.outcome));
    PROMISE(result.message && result.message[0]);
    PROMISE(result.body.len == 0);
    return;
  }
  PROMISE(!outcome_kind(result.outcome) && !result.message);
  PROMISE(result.status >= 100 && result.status <= 999);
  PROMISE(result.body.len <= TRANSPORT_MAX_BODY);

  /* what the server says of the length is so */
  const char *length = transfer_header(transfer, "content-length");
  bool has_body =
      result.status >= 200 && result.status != 204 && result.status != 304;
  if (length && has_body && !transfer_header(transfer, "transfer-encoding") &&
      isdigit((unsigned char)length[0]))
    PROMISE(result.body.len == strtoull(length, NULL, 10));
}

static void gets_its_own_answer(struct transport *transport)
{
  static const char good[] =
      "HTTP/1.1 200 OK\r\nX-Good: yes\r\nContent-Length: 35\r\n\r\n" GOOD;
  struct transfer *transfer = start(transport, "/good");
  for (int i = 0; !transfer_is_done(transfer); i++) {
    PROMISE(i < MAX_STEPS);
    for (size_t c = 0; c < connection_count; c++)
      if (has_request(&connections[c]))
        send_to(&connections[c], (struct bytes){good, sizeof(good) - 1});
    step(transport);
  }
  struct transfer_result result = transfer_result(transfer);
  mark(&result);
  PROMISE(result.outcome == OUTCOME_ANSWER);
  PROMISE(result.status == 200);
  PROMISE(result.body.len == strlen(GOOD) &&
          memcmp(result.body.data, GOOD, strlen(GOOD)) == 0);
  const char *header = transfer_header(transfer, "x-good");
  PROMISE(header && strcmp(header, "yes") == 0);
  transfer_free(transfer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct input input = {data, size};
  const struct script script = read_script(&input);
  struct transport *transport;
  PROMISE(transport_new(&transport) == TRANSPORT_OK);

  elapsed_ms = 0;
  struct transfer *transfer = start(transport, "/first");
  size_t sent = answer_first(transport, transfer, &script);
  is_result(transfer);
  while (play(&script, &sent, &connections[0]))
    ;
  send_to(&connections[0], script.late);
  if (script.closes_late)
    hang_up(&connections[0]);
  gets_its_own_answer(transport);

  transfer_free(transfer);
  transport_free(transport);
  while (connection_count)
    hang_up(&connections[--connection_count]);
  return 0;
}

/* SPDX-License-Identifier: MIT */
/* A TLS connection as OpenSSL itself reports it. libcurl puts that into words,
   which change with its version and with OpenSSL's. */
#ifndef BALANCE_SESSION_H
#define BALANCE_SESSION_H

#include <openssl/ssl.h>
#include <stdbool.h>

#pragma GCC visibility push(hidden)

/* Owned by the connection and by the transfers that hold it. */
struct session {
  unsigned owners;
  unsigned long error; /* of the handshake, as in OpenSSL's queue; 0: none */
  long verify;         /* the verdict on the certificate, X509_V_ERR_... */
  bool no_memory;      /* when the handshake failed */
  bool refused;        /* the other side sent a fatal alert */
  bool goodbye;        /* the other side sent close_notify */
};

/* Watches the connection that this context is for. The caller holds the
   session; NULL: no memory. */
struct session *session_watch(SSL_CTX *context);

/* The session of a connection that is watched; the caller holds it. NULL: there
   is none. */
struct session *session_hold(const SSL *connection);

/* NULL is fine. */
void session_drop(struct session *session);

/* Whether the connection ended during the handshake, which neither side had
   refused. */
bool session_was_cut_off(const struct session *session);

/* Whether the other side's part of the handshake is not TLS. */
bool session_is_no_tls(const struct session *session);

/* Whether OpenSSL ran out of memory in the handshake. */
bool session_lacked_memory(const struct session *session);

#pragma GCC visibility pop

#endif

/* A guarded chat on libwebsockets over TLS: everybody hears what anybody says, if it is within policy.
 *
 *     cc lws.c $(pkg-config --cflags --libs wswarden libwebsockets) -o lws
 *     ./lws --listen 127.0.0.1:8443 --policy policy.toml --cert cert.pem --key key.pem
 *
 * libwebsockets reads request and frames by itself, and laxly: see the contract's "What your WebSocket library must do".
 * What wswarden sees of them is put together again in lws_request.h; fragments are counted here.
 */
#include <libwebsockets.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wswarden.h>

#include "lws_request.h"
#define MAX_WAITING 1024

/* A message that waits to be sent, shared by all who are to have it. */
struct text {
    size_t users, size;
    unsigned char bytes[]; /* LWS_PRE, then the text */
};

/* What libwebsockets keeps for each connection. */
struct peer {
    struct lws *wsi;
    struct peer *next;
    uint64_t handle;
    unsigned char *message;
    size_t size;
    uint32_t fragments;
    struct text *waiting[MAX_WAITING];
    size_t first, count;
    unsigned char ping[LWS_PRE + 8];
    int has_ping, is_closing;
    uint16_t close_code;
    char close_text[124];
};

static struct lws_context *context;
static wsw_guard *guard;
static wsw_registry *registry;
static wsw_limits limits;
static struct peer *peers;
static lws_sorted_usec_list_t timer;
static int is_draining;

static void tick(lws_sorted_usec_list_t *list);

/* Sleeps until something is due. */
static void arm(void) {
    uint64_t at = WSW_NEVER, now = wsw_now_mono(), wait = is_draining ? 50000 : 3600000000u;
    wsw_status status = wsw_registry_next_timeout(registry, &at);
    if (status != WSW_STATUS_OK && status != WSW_STATUS_NONE) {
        fprintf(stderr, "lws: %s\n", wsw_last_error_message());
        exit(1); /* Nothing would keep the deadlines. */
    }
    if (status == WSW_STATUS_OK) {
        uint64_t due = at > now ? (at - now) / 1000 + 1 : 1;
        wait = due < wait ? due : wait;
    }
    lws_sul_schedule(context, 0, &timer, tick, (lws_usec_t)wait);
}

static void cut(struct peer *peer) { lws_set_timeout(peer->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC); }

/* The close frame goes out when libwebsockets can write. */
static void begin_close(struct peer *peer, uint16_t code, wsw_str text) {
    if (!peer->is_closing) {
        peer->is_closing = 1;
        peer->close_code = code;
        snprintf(peer->close_text, sizeof peer->close_text, "%.*s", (int)text.len, text.len ? text.ptr : "");
        lws_callback_on_writable(peer->wsi);
    }
    arm();
}

static struct text *text_of(const char *bytes, size_t size) {
    struct text *text = malloc(sizeof *text + LWS_PRE + size);
    if (text != NULL) {
        text->users = 0;
        text->size = size;
        memcpy(text->bytes + LWS_PRE, bytes, size);
    }
    return text;
}

/* Does what the registry's last verdict asks for. */
static void close_as_told(struct peer *peer) {
    wsw_outcome outcome = {.size = sizeof outcome};
    if (wsw_registry_outcome(registry, &outcome) == WSW_STATUS_OK && WSW_VERDICT(outcome.verdict) == WSW_CLOSE) {
        begin_close(peer, outcome.close_code, outcome.close_text);
    } else {
        cut(peer);
    }
}

static void send_text(struct peer *peer, struct text *text) {
    int32_t pressure = 0;
    if (text == NULL || peer->handle == 0 || peer->is_closing) {
        return;
    }
    if (wsw_registry_queued(registry, peer->handle, text->size, wsw_now_mono(), &pressure) != WSW_STATUS_OK ||
        pressure == WSW_PRESSURE_CLOSE || peer->count == MAX_WAITING) {
        close_as_told(peer);
        return;
    }
    text->users++;
    peer->waiting[(peer->first + peer->count++) % MAX_WAITING] = text;
    lws_callback_on_writable(peer->wsi);
}

static void deliver(const char *bytes, size_t size) {
    struct text *text = text_of(bytes, size);
    for (struct peer *peer = peers; peer != NULL && text != NULL; peer = peer->next) {
        send_text(peer, text);
    }
    if (text != NULL && text->users == 0) {
        free(text);
    }
}

static void judge(struct peer *peer, int kind, const unsigned char *bytes, size_t size) {
    uint32_t verdict = wsw_registry_receive(registry, peer->handle, kind, bytes, size, wsw_now_mono());
    wsw_outcome outcome = {.size = sizeof outcome};
    if (WSW_VERDICT(verdict) == WSW_AUTHENTICATE &&
        wsw_registry_authenticate(registry, peer->handle, bytes, size, wsw_now(), &verdict) != WSW_STATUS_OK) {
        verdict = WSW_INVALID; /* This server has no store of sessions to ask. */
    }
    switch (WSW_VERDICT(verdict)) {
    case WSW_DELIVER:
        deliver((const char *)bytes, size);
        break;
    case WSW_REPLY:
        if (wsw_registry_outcome(registry, &outcome) == WSW_STATUS_OK) {
            struct text *text = text_of(outcome.payload.ptr, outcome.payload.len);
            send_text(peer, text);
            if (text != NULL && text->users == 0) {
                free(text);
            }
        }
        break;
    case WSW_DROP:
    case WSW_IGNORE:
    case WSW_PONG: /* libwebsockets has answered it. */
        break;
    default: /* Close; 0 is an error, and means the same. */
        close_as_told(peer);
    }
}

static void tick(lws_sorted_usec_list_t *list) {
    (void)list;
    wsw_response *response = NULL;
    wsw_tick due = {.size = sizeof due};
    while (wsw_registry_tick(registry, wsw_now_mono(), &due, &response) == WSW_STATUS_OK) {
        struct peer *peer = peers;
        while (peer != NULL && peer->handle != due.handle) {
            peer = peer->next;
        }
        if (peer == NULL) {
            wsw_registry_remove(registry, due.handle);
        } else if (due.action == WSW_ACTION_PING) {
            memcpy(peer->ping + LWS_PRE, due.payload.ptr, sizeof peer->ping - LWS_PRE);
            peer->has_ping = 1;
            lws_callback_on_writable(peer->wsi);
        } else if (due.action == WSW_ACTION_CLOSE) {
            begin_close(peer, due.close_code, due.close_text);
        } else if (due.action == WSW_ACTION_TERMINATE) {
            cut(peer);
        }
    }
    arm();
}

/* Judges an upgrade; 0 lets it in. */
static int upgrade(struct lws *wsi, struct peer *peer) {
    static wsw_header headers[MAX_HEADERS];
    static char text[65536];
    char address[64] = "";
    wsw_request request = {.size = sizeof request, .version = WSW_HTTP_1_1, .method = WSW_STR("GET")};
    wsw_connection connection = connection_of(lws_get_socket_fd(wsi), address, sizeof address);
    wsw_candidate *candidate = NULL;
    wsw_response *response = NULL;
    if (!read_request(wsi, &request, headers, text, sizeof text)) {
        return -1;
    }
    connection.tls = lws_is_ssl(wsi);
    end_knock(wsi); /* A candidate has a slot of its own. */
    wsw_status status = wsw_guard_screen(guard, &request, &connection, wsw_now(), &candidate, &response);
    if (status == WSW_STATUS_OK) {
        status = wsw_registry_admit(registry, candidate, wsw_now(), &peer->handle, &response);
    }
    if (status == WSW_STATUS_WAIT) {
        status = wsw_registry_provide(registry, peer->handle, WSW_ANSWER_UNAVAILABLE, NULL, wsw_now(), &response);
    }
    if (status == WSW_STATUS_REFUSED) {
        peer->handle = 0;
        return refuse(wsi, response);
    }
    wsw_response_free(response); /* libwebsockets writes the 101 itself. */
    arm();
    return status == WSW_STATUS_OK ? 0 : -1;
}

static int receive(struct lws *wsi, struct peer *peer, const void *bytes, size_t size) {
    if (lws_is_first_fragment(wsi)) {
        peer->size = 0;
        peer->fragments = 0;
    }
    if (lws_remaining_packet_payload(wsi) == 0 && ++peer->fragments > limits.max_fragments) {
        uint32_t verdict = 0;
        wsw_registry_close(registry, peer->handle, WSW_REASON_TOO_MANY_FRAGMENTS, wsw_now_mono(), &verdict);
        close_as_told(peer);
        return 0;
    }
    if (peer->is_closing) {
        return 0;
    }
    /* One byte too many is enough: the core sees that the message is too big. */
    size_t room = limits.max_message + 1 - peer->size, more = size < room ? size : room;
    unsigned char *message = realloc(peer->message, peer->size + more + 1);
    if (message == NULL) {
        return -1;
    }
    memcpy(message + peer->size, bytes, more);
    peer->message = message;
    peer->size += more;
    if (lws_is_final_fragment(wsi) || peer->size > limits.max_message) {
        judge(peer, lws_frame_is_binary(wsi) ? WSW_BINARY : WSW_TEXT, peer->message, peer->size);
    }
    return 0;
}

static int writable(struct lws *wsi, struct peer *peer) {
    if (peer->has_ping && !peer->is_closing) {
        peer->has_ping = 0;
        lws_write(wsi, peer->ping + LWS_PRE, sizeof peer->ping - LWS_PRE, LWS_WRITE_PING);
    } else if (peer->count > 0) {
        struct text *text = peer->waiting[peer->first];
        peer->first = (peer->first + 1) % MAX_WAITING;
        peer->count--;
        lws_write(wsi, text->bytes + LWS_PRE, text->size, LWS_WRITE_TEXT);
        wsw_registry_drained(registry, peer->handle, text->size);
        if (--text->users == 0) {
            free(text);
        }
    } else if (peer->is_closing) {
        if (peer->close_code != 0) {
            lws_close_reason(wsi, (enum lws_close_status)peer->close_code, (unsigned char *)peer->close_text,
                             strlen(peer->close_text));
        }
        return -1;
    }
    if (peer->has_ping || peer->count > 0 || peer->is_closing) {
        lws_callback_on_writable(wsi);
    }
    return 0;
}

static void gone(struct peer *peer) {
    for (struct peer **at = &peers; *at != NULL; at = &(*at)->next) {
        if (*at == peer) {
            *at = peer->next;
            break;
        }
    }
    if (peer->handle != 0) {
        wsw_registry_lost(registry, peer->handle, wsw_now_mono());
        wsw_registry_remove(registry, peer->handle);
        peer->handle = 0;
        arm();
    }
    for (; peer->count > 0; peer->count--) {
        struct text *text = peer->waiting[peer->first];
        peer->first = (peer->first + 1) % MAX_WAITING;
        if (--text->users == 0) {
            free(text);
        }
    }
    free(peer->message);
    peer->message = NULL;
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t size) {
    struct peer *peer = user;
    switch (reason) {
    case LWS_CALLBACK_FILTER_NETWORK_CONNECTION:
        return knock((lws_sockfd_type)(lws_intptr_t)in, guard);
    case LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED:
        keep_knock(wsi);
        return 0;
    case LWS_CALLBACK_WSI_DESTROY:
        end_knock(wsi);
        return 0;
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
        return upgrade(wsi, peer);
    case LWS_CALLBACK_ESTABLISHED:
        peer->wsi = wsi;
        peer->next = peers;
        peers = peer;
        return 0;
    case LWS_CALLBACK_RECEIVE:
        return receive(wsi, peer, in, size);
    case LWS_CALLBACK_RECEIVE_PONG:
        judge(peer, WSW_PONG_FRAME, in, size);
        return 0;
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        judge(peer, WSW_CLOSE_FRAME, in, size);
        return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return writable(wsi, peer);
    case LWS_CALLBACK_CLOSED:
    case LWS_CALLBACK_WS_SERVER_DROP_PROTOCOL:
        gone(peer);
        return 0;
    default:
        return lws_callback_http_dummy(wsi, reason, user, in, size);
    }
}

static void interrupted(int signal) {
    (void)signal;
    is_draining = 1;
    lws_cancel_service(context);
}

static const char *option(int count, char **arguments, const char *name) {
    for (int index = 1; index + 1 < count; index++) {
        if (strcmp(arguments[index], name) == 0) {
            return arguments[index + 1];
        }
    }
    fprintf(stderr, "lws: %s is missing\n", name);
    exit(2);
}

int main(int count, char **arguments) {
    wsw_policy *policy = NULL;
    if (wsw_policy_from_file(option(count, arguments, "--policy"), &policy) != WSW_STATUS_OK) {
        fprintf(stderr, "lws: %s\n", wsw_last_error_message());
        return 1;
    }
    limits.size = sizeof limits;
    /* It shows no pings, which it answers itself. */
    wsw_guard_options options = {.size = sizeof options, .abilities = WSW_ABILITY_ALL & ~WSW_ABILITY_CONTROL_FRAMES,
                                 .waived = WSW_ABILITY_CONTROL_FRAMES};
    if (wsw_policy_limits(policy, &limits) != WSW_STATUS_OK || wsw_guard_new(policy, &options, &guard) != WSW_STATUS_OK ||
        wsw_registry_new(guard, wsw_now_mono(), &registry) != WSW_STATUS_OK) {
        fprintf(stderr, "lws: %s\n", wsw_last_error_message());
        return 1;
    }
    wsw_policy_free(policy);

    char interface[64];
    snprintf(interface, sizeof interface, "%s", option(count, arguments, "--listen"));
    char *colon = strrchr(interface, ':');
    if (colon == NULL) {
        return 2;
    }
    *colon = '\0';
    static const struct lws_protocols protocols[] = {{"chat", callback, sizeof(struct peer), 4096, 0, NULL, 0},
                                                     {NULL, NULL, 0, 0, 0, NULL, 0}};
    struct lws_context_creation_info info = {
        .port = atoi(colon + 1), .iface = interface, .protocols = protocols, .gid = -1, .uid = -1,
        .ssl_cert_filepath = option(count, arguments, "--cert"),
        .ssl_private_key_filepath = option(count, arguments, "--key"),
        .options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | LWS_SERVER_OPTION_VALIDATE_UTF8,
        .timeout_secs = 1 + (unsigned)(limits.head_timeout / 2000000000u), /* For TLS, and again for the head. */
        .max_http_header_data = (unsigned short)(limits.max_head < 32768 ? limits.max_head : 32768),
    };
    lws_set_log_level(LLL_ERR, NULL);
    context = lws_create_context(&info);
    if (context == NULL) {
        return 1;
    }
    printf("port %d\n", lws_get_vhost_listen_port(lws_get_vhost_by_name(context, "default")));
    fflush(stdout);
    signal(SIGINT, interrupted);
    arm();
    for (int drained = 0; lws_service(context, 0) >= 0;) {
        if (is_draining && !drained) {
            wsw_ids *affected = NULL;
            wsw_guard_drain(guard, wsw_now_mono(), &affected);
            wsw_ids_free(affected);
            drained = 1;
            arm();
        }
        if (drained && wsw_registry_count(registry) == 0) {
            break;
        }
    }
    lws_context_destroy(context);
    wsw_registry_free(registry);
    wsw_guard_free(guard);
    return 0;
}

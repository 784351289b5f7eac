/* The connection and the request that libwebsockets has, as wswarden takes them. */
#ifndef LWS_REQUEST_H
#define LWS_REQUEST_H

#include <libwebsockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wswarden.h>

#define MAX_HEADERS 128

/* One more piece of the request target, its bytes escaped: libwebsockets has unescaped them. */
static size_t append_escaped(char *target, size_t at, size_t room, const char *bytes, size_t size, const char *plain) {
    for (size_t index = 0; index < size && at + 4 < room; index++) {
        unsigned char byte = (unsigned char)bytes[index];
        int is_plain = (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
                       (byte != 0 && strchr(plain, byte) != NULL);
        at += (size_t)snprintf(target + at, room - at, is_plain ? "%c" : "%%%02X", byte);
    }
    return at;
}

/* The request as it came, from what libwebsockets has kept of it: name and value of every header, in `text`. */
static int read_request(struct lws *wsi, wsw_request *request, wsw_header *headers, char *text, size_t room) {
    size_t at = 0, count = 0;
    char part[8192];
    int length = lws_hdr_copy(wsi, part, sizeof part, WSI_TOKEN_GET_URI);
    if (length <= 0) {
        return 0;
    }
    request->target.ptr = text;
    at = append_escaped(text, at, room, part, (size_t)length, "/-._~!$&'()*+,;=:@");
    for (int index = 0; (length = lws_hdr_copy_fragment(wsi, part, sizeof part, WSI_TOKEN_HTTP_URI_ARGS, index)) > 0; index++) {
        text[at++] = index == 0 ? '?' : '&';
        at = append_escaped(text, at, room, part, (size_t)length, "/-._~!$'()*,;=:@?");
    }
    request->target.len = at;
    for (int token = 0; token < WSI_TOKEN_COUNT; token++) {
        const char *name = (const char *)lws_token_to_string((enum lws_token_indexes)token);
        size_t size = name == NULL ? 0 : strlen(name);
        if (size < 2 || name[size - 1] != ':' || name[0] == ':') {
            continue;
        }
        for (int index = 0; (length = lws_hdr_fragment_length(wsi, (enum lws_token_indexes)token, index)) > 0; index++) {
            if (count == MAX_HEADERS || at + (size_t)length + 1 > room) {
                return 0;
            }
            length = lws_hdr_copy_fragment(wsi, text + at, (int)(room - at), (enum lws_token_indexes)token, index);
            if (length < 0) {
                return 0;
            }
            headers[count++] = (wsw_header){{name, size - 1}, {text + at, (size_t)length}};
            at += (size_t)length;
        }
    }
    request->headers = headers;
    request->header_count = count;
    return 1;
}

/* Who is at the other end of a socket; its address is written into `room`. */
static wsw_connection connection_of(lws_sockfd_type socket, char *room, size_t size) {
    wsw_connection connection = {.size = sizeof connection, .remote = WSW_REMOTE_ADDRESS, .tls = 1};
    lws_get_peer_simple_fd(socket, room, size);
    connection.address = (wsw_str){room, strlen(room)};
    return connection;
}

/* The socket that is being accepted: libwebsockets asks before there is a connection that could keep it. */
static wsw_knock *knocking;

/* A new socket, before TLS: of one address only so many may be without a good credential. 0 lets it stay. */
static int knock(lws_sockfd_type socket, const wsw_guard *guard) {
    char address[64] = "";
    wsw_connection connection = connection_of(socket, address, sizeof address);
    wsw_knock_free(knocking); /* The last one did not become a connection. */
    knocking = NULL;
    return wsw_guard_knock(guard, &connection, wsw_now_mono(), &knocking) == WSW_STATUS_OK ? 0 : -1;
}

/* Has the new connection keep it. */
static void keep_knock(struct lws *wsi) {
    lws_set_opaque_user_data(wsi, knocking);
    knocking = NULL;
}

/* Gives the slot back: when the request takes one itself, or the connection ends. */
static void end_knock(struct lws *wsi) {
    wsw_knock_free(lws_get_opaque_user_data(wsi));
    lws_set_opaque_user_data(wsi, NULL);
}

/* Sends a refusal as it stands, and has libwebsockets end the connection. */
static int refuse(struct lws *wsi, wsw_response *response) {
    wsw_str bytes = wsw_response_bytes(response);
    unsigned char *copy = malloc(LWS_PRE + bytes.len);
    printf("refused %s\n", wsw_reason_name(wsw_response_reason(response)));
    if (copy != NULL) {
        memcpy(copy + LWS_PRE, bytes.ptr, bytes.len);
        lws_write(wsi, copy + LWS_PRE, bytes.len, LWS_WRITE_HTTP_HEADERS);
        free(copy);
    }
    wsw_response_free(response);
    return -1;
}

#endif

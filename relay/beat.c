#include "relay/beat.h"

#include "live/frame.h"
#include "relay/broadcast.h"
#include "relay/peer.h"

bool beat_came(struct peer *peer, struct text bytes)
{
    char came[WEBSOCKET_CONTROL_MAX], answer[FRAME_HEARTBEAT_SIZE];
    size_t len;
    int opcode = websocket_short(&peer->socket, bytes, came, &len);
    if (opcode != OPCODE_TEXT)
        return opcode == OPCODE_PONG;
    len = frame_heartbeat((struct text){ came, len }, answer);
    if (!len)
        return false;
    peer->beats = true;
    struct broadcast *frame = broadcast_frame(OPCODE_TEXT, (struct text){ answer, len }, 0);
    peer_send_now(peer, frame);
    broadcast_release(&frame);
    return true;
}

// Socket.IO with its Postgres adapter, as its documentation sets it up: several processes, any of which takes a message and
// tells it to all. WebSocket only, no compression. `m` is what a publisher sends, and what everybody hears.
//     node socketio.mjs PORT DATABASE-SOCKET-FOLDER USER DATABASE
import { createServer } from 'node:http';
import { Server } from 'socket.io';
import { createAdapter } from '@socket.io/postgres-adapter';
import pg from 'pg';

const [port, host, user, database] = process.argv.slice(2);
const pool = new pg.Pool({ host, user, database, port: 5432, max: 4 });
await pool.query(`create table if not exists socket_io_attachments (
    id bigserial unique, created_at timestamptz default now(), payload bytea)`);
const http = createServer();
const io = new Server(http, { transports: ['websocket'], perMessageDeflate: false });
io.adapter(createAdapter(pool));
io.on('connection', (socket) => socket.on('m', (text) => io.emit('m', text)));
http.listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 });

// The room's page in Express: the cookie's signature and dates, a member's row, the room, its latest 20 messages and who is
// here by named statements, escaped HTML. The frame around is the one that confab's own page has.
//     node express.mjs PORT DATABASE-SOCKET-FOLDER USER DATABASE KEY SKELETON
import { createHash, createHmac, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import express from 'express';
import pg from 'pg';

const [port, host, user, database, key, file] = process.argv.slice(2);
const { skeletons, sql, headers } = JSON.parse(readFileSync(file, 'utf8'));
const pool = new pg.Pool({ host, user, database, port: 5432, max: 4 });
const app = express();
app.disable('x-powered-by');
app.set('etag', false);

function session(cookies) {
    const token = /(?:^|; )confab=([^;]*)/.exec(cookies ?? '')?.[1];
    const parts = token?.split('.');
    if (parts?.length !== 3) return null;
    const wanted = createHmac('sha256', key).update(`${parts[0]}.${parts[1]}`).digest();
    const given = Buffer.from(parts[2], 'base64url');
    if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return null;
    const claims = JSON.parse(Buffer.from(parts[1], 'base64url').toString());
    return claims.exp > Date.now() / 1000 ? claims : null;
}

const query = (name, ...values) => pool.query({ name, text: sql[name], values });

// A token for forms, masked anew in each page.
function csrf(secret) {
    const mask = randomBytes(24);
    const mac = createHmac('sha256', key).update(`csrf ${secret}`).digest();
    return Buffer.concat([mask, mask.map((byte, i) => byte ^ mac[i])]).toString('base64url');
}

const signs = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escape = (text) => String(text).replace(/[&<>"]/g, (sign) => signs[sign]);

// Addresses become links.
const linked = (text) =>
    text
        .split(/\b(https?:\/\/[^\s<>"`{}|\\^]+)/iu)
        .map((part, i) => (i % 2 ? `<a href="${escape(part)}" rel="nofollow ugc noopener" target="_blank">${escape(part)}</a>` : escape(part)))
        .join('');

const months = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December'];

function message(m) {
    const when = new Date(Number(m.at) / 1000), at = when.toISOString();
    const date = `${when.getUTCDate()} ${months[when.getUTCMonth()]} ${when.getUTCFullYear()}`;
    const author = m.user_id ? `user:${m.userid}` : `guest:${m.guest}`;
    return `<li id="msg-${m.id}" class="message" data-seq="${m.seq}" data-rev="${m.rev}" data-author="${escape(author)}">
<span class="avatar" aria-hidden="true">${escape(m.name[0])}</span>
<p class="about">${m.guest ? '<span class="guest">guest</span> ' : ''}<a class="when" href="/rooms/${escape(m.slug)}/messages/${m.id}"><time datetime="${at}" title="${date}, ${at.slice(11, 16)} UTC">${at.slice(11, 16)}</time></a></p>
<p class="text"><b>${escape(m.name)}:</b> ${linked(m.message)}</p>
</li>
`;
}

function people(rows) {
    const guests = rows.length && !rows[0].id ? Number(rows[0].pages) : 0;
    const named = rows.filter((person) => person.id).slice(0, 50);
    return (guests ? `<li class="guests">${guests === 1 ? '1 guest' : `${guests} guests`}</li>\n` : '') +
        named.map((person) => `<li class="person" data-user="${escape(person.userid)}"><span class="avatar" aria-hidden="true">${escape(person.name[0])}</span><span class="name">${escape(person.name)}</span></li>\n`).join('');
}

app.get('/rooms/:slug', async (request, response) => {
    const began = process.hrtime.bigint(), id = randomBytes(8).toString('hex');
    const claims = session(request.headers.cookie);
    if (!claims) return response.status(403).send('no session');
    let asker = null, secret = claims.jti;
    if (claims.typ === 'session') {
        const tokens = await query('token', createHash('sha256').update(claims.jti).digest('base64url'));
        if (tokens.rows[0]?.userid !== claims.sub) return response.status(403).send('no session');
        asker = tokens.rows[0].user_id;
        secret = tokens.rows[0].csrf_secret;
    }
    const rooms = await query('room', asker, request.params.slug);
    if (!rooms.rows.length) return response.status(404).send('no room');
    const rows = await query('messages', asker, rooms.rows[0].id, 20);
    const here = await query('people', asker, rooms.rows[0].id);
    const [head, tail] = skeletons[asker ? 'member' : 'guest'];
    const token = csrf(secret);
    response.set(headers);
    response.set('X-Request-Id', id);
    const page = head.replaceAll('%CSRF%', token).replace('%PEOPLE%', () => people(here.rows)) + rows.rows.map(message).join('') +
        tail.replaceAll('%CSRF%', token).replace('%POST%', randomUUID());
    response.type('html').send(page);
    console.log(JSON.stringify({ at: new Date(), id, method: request.method, path: request.path, status: 200, bytes: page.length,
        us: Number(process.hrtime.bigint() - began) / 1000, asker: claims.sub, address: request.ip }));
});
app.listen(Number(port), '127.0.0.1');

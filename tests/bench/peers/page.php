<?php
// The room's page in PHP: the cookie's signature and dates, the room, its latest 20 messages, escaped HTML with
// links, tokens for the form; the connection to the database is kept, and FPM writes the log. The frame around the messages is the one that confab's own page has.
$skeleton = require $_SERVER['SKELETON'];
[$head, $tail, $roomSql, $messagesSql] = $skeleton;
$key = $_SERVER['KEY'];

function plain(string $text): string
{
    return base64_decode(strtr($text, '-_', '+/'));
}

function session(string $key): ?array
{
    $parts = explode('.', $_COOKIE['confab'] ?? '');
    if (count($parts) !== 3 || !hash_equals(hash_hmac('sha256', "$parts[0].$parts[1]", $key, true), plain($parts[2]))) {
        return null;
    }
    $claims = json_decode(plain($parts[1]), true);
    return $claims['exp'] > time() ? $claims : null;
}

// A token for forms, masked anew in each page.
function csrf(string $key, array $claims): string
{
    $mask = random_bytes(24);
    $mac = hash_hmac('sha256', "csrf $claims[jti]", $key, true);
    return rtrim(strtr(base64_encode($mask . ($mask ^ substr($mac, 0, 24))), '+/', '-_'), '=');
}

function escaped(?string $text): string
{
    return htmlspecialchars($text ?? '', ENT_QUOTES | ENT_SUBSTITUTE, 'UTF-8');
}

// Addresses become links.
function linked(string $text): string
{
    $html = '';
    foreach (preg_split('~\\b(https?://[^\\s<>"`{}|\\\\^]+)~iu', $text, -1, PREG_SPLIT_DELIM_CAPTURE) as $i => $part) {
        $safe = escaped($part);
        $html .= $i % 2 ? "<a href=\"$safe\" rel=\"nofollow ugc noopener\" target=\"_blank\">$safe</a>" : $safe;
    }
    return $html;
}

// A random UUID, version 4.
function uuid(): string
{
    $bytes = random_bytes(16);
    $bytes[6] = chr(ord($bytes[6]) & 0x0f | 0x40);
    $bytes[8] = chr(ord($bytes[8]) & 0x3f | 0x80);
    return vsprintf('%s%s-%s-%s-%s-%s%s%s', str_split(bin2hex($bytes), 4));
}

$claims = session($key);
if (!$claims) {
    http_response_code(403);
    exit('no session');
}
$database = pg_pconnect($_SERVER['DATABASE']);
$room = pg_fetch_assoc(pg_query_params($database, $roomSql, [null, $_SERVER['SLUG']]));
if (!$room) {
    http_response_code(404);
    exit('no room');
}
$token = csrf($key, $claims);
array_map('header', array_slice($skeleton, 4));
header('X-Request-Id: ' . bin2hex(random_bytes(8)));
$page = str_replace('%CSRF%', $token, $head);
foreach (pg_fetch_all(pg_query_params($database, $messagesSql, [null, $room['id'], 20])) as $m) {
    $at = intdiv((int)$m['at'], 1000000);
    $time = gmdate('H:i', $at);
    $author = $m['user_id'] ? "user:$m[userid]" : "guest:$m[guest]";
    $page .= "<li id=\"msg-$m[id]\" class=\"message\" data-seq=\"$m[seq]\" data-rev=\"$m[rev]\" data-author=\"" . escaped($author) . "\">\n"
        . '<span class="avatar" aria-hidden="true">' . escaped(mb_substr_one($m['name'])) . "</span>\n"
        . '<p class="about">' . ($m['guest'] ? '<span class="guest">guest</span> ' : '') . '<a class="when" href="/rooms/' . escaped($m['slug'])
        . "/messages/$m[id]\"><time datetime=\"" . gmdate('Y-m-d\TH:i:s\Z', $at) . '" title="' . gmdate('Y-m-d', $at) . ", $time UTC\">$time</time></a></p>\n"
        . '<p class="text"><b>' . escaped($m['name']) . ':</b> ' . linked($m['message']) . "</p>\n</li>\n";
}
echo $page, str_replace(['%CSRF%', '%POST%'], [$token, uuid()], $tail);

// The first letter, without an extension that may not be there.
function mb_substr_one(string $text): string
{
    return preg_match('/^./u', $text, $found) ? $found[0] : '';
}

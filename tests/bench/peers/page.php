<?php
// The room's page in PHP: the cookie's signature and dates, a member's row, the room, its latest 20 messages, who is here, escaped
// HTML with links, tokens for the form; the connection to the database is kept, and FPM writes the log. The frame around is the
// one that confab's own page has. With ?prepared statements are prepared once in each connection, else each time.
$skeleton = require $_SERVER['SKELETON'];
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
function csrf(string $key, string $secret): string
{
    $mask = random_bytes(24);
    $mac = hash_hmac('sha256', "csrf $secret", $key, true);
    return rtrim(strtr(base64_encode($mask . ($mask ^ substr($mac, 0, 24))), '+/', '-_'), '=');
}

function escaped(?string $text): string
{
    return htmlspecialchars($text ?? '', ENT_COMPAT | ENT_SUBSTITUTE, 'UTF-8');
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

// The rows of one of our statements.
function rows(string $name, array $values): array
{
    global $database, $skeleton;
    if ($_SERVER['QUERY_STRING'] !== 'prepared') {
        return pg_fetch_all(pg_query_params($database, $skeleton['sql'][$name], $values));
    }
    $result = @pg_execute($database, $name, $values);
    if (!$result) { // the connection is new
        pg_prepare($database, $name, $skeleton['sql'][$name]);
        $result = pg_execute($database, $name, $values);
    }
    return pg_fetch_all($result);
}

function people(array $rows): string
{
    $guests = $rows && !$rows[0]['id'] ? (int)$rows[0]['pages'] : 0;
    $named = array_slice(array_filter($rows, fn ($person) => $person['id']), 0, 50);
    $html = $guests ? '<li class="guests">' . ($guests === 1 ? '1 guest' : "$guests guests") . "</li>\n" : '';
    foreach ($named as $person) {
        $html .= '<li class="person" data-user="' . escaped($person['userid']) . '"><span class="avatar" aria-hidden="true">'
            . escaped(mb_substr_one($person['name'])) . '</span><span class="name">' . escaped($person['name']) . "</span></li>\n";
    }
    return $html;
}

$asker = null;
$secret = $claims['jti'];
if ($claims['typ'] === 'session') {
    $token = rows('token', [rtrim(strtr(base64_encode(hash('sha256', $claims['jti'], true)), '+/', '-_'), '=')])[0] ?? null;
    if (($token['userid'] ?? null) !== $claims['sub']) {
        http_response_code(403);
        exit('no session');
    }
    $asker = $token['user_id'];
    $secret = $token['csrf_secret'];
}
$room = rows('room', [$asker, $_SERVER['SLUG']])[0] ?? null;
if (!$room) {
    http_response_code(404);
    exit('no room');
}
$messages = rows('messages', [$asker, $room['id'], 20]);
[$head, $tail] = $skeleton['skeletons'][$asker ? 'member' : 'guest'];
$token = csrf($key, $secret);
array_map('header', $skeleton['headers']);
header('X-Request-Id: ' . bin2hex(random_bytes(8)));
$page = str_replace(['%CSRF%', '%PEOPLE%'], [$token, people(rows('people', [$asker, $room['id']]))], $head);
foreach ($messages as $m) {
    $at = intdiv((int)$m['at'], 1000000);
    $milliseconds = sprintf('%03d', intdiv((int)$m['at'], 1000) % 1000);
    $time = gmdate('H:i', $at);
    $author = $m['user_id'] ? "user:$m[userid]" : "guest:$m[guest]";
    $page .= "<li id=\"msg-$m[id]\" class=\"message\" data-seq=\"$m[seq]\" data-rev=\"$m[rev]\" data-author=\"" . escaped($author) . "\">\n"
        . '<span class="avatar" aria-hidden="true">' . escaped(mb_substr_one($m['name'])) . "</span>\n"
        . '<p class="about">' . ($m['guest'] ? '<span class="guest">guest</span> ' : '') . '<a class="when" href="/rooms/' . escaped($m['slug'])
        . "/messages/$m[id]\"><time datetime=\"" . gmdate('Y-m-d\TH:i:s', $at) . ".{$milliseconds}Z\" title=\"" . gmdate('j F Y', $at) . ", $time UTC\">$time</time></a></p>\n"
        . '<p class="text"><b>' . escaped($m['name']) . ':</b> ' . linked($m['message']) . "</p>\n</li>\n";
}
echo $page, str_replace(['%CSRF%', '%POST%'], [$token, uuid()], $tail);

// The first letter, without an extension that may not be there.
function mb_substr_one(string $text): string
{
    return preg_match('/^./u', $text, $found) ? $found[0] : '';
}

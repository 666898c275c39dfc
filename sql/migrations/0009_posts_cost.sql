-- What 0008 did for rooms, for messages: the checks of one value belong to its type, where they are read once by a connection and not
-- anew with each insert.

create domain message_author as text
    constraint messages_guest_check check (char_length(value) = 16 and value ~ '^[A-Za-z0-9_-]+$');
create domain message_client_id as text
    constraint messages_client_id_check check (char_length(value) <= 64 and value ~ '^[A-Za-z0-9._:-]+$');
create domain message_name as text
    constraint messages_name_length check (char_length(value) between 1 and 60)
    constraint messages_name_characters check (value !~ '[\u0001-\u0008\u000a-\u001f\u007f-\u009f\u2028\u2029]')
    constraint messages_name_trimmed check (
        value = btrim(value, E' \t\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000'));
create domain message_text as text
    constraint messages_message_least check (char_length(value) >= 2)
    constraint messages_message_most check (char_length(value) <= 4000)
    constraint messages_message_characters check (value !~ '[\u0001-\u0008\u000b-\u001f\u007f-\u009f]')
    constraint messages_message_trimmed check (
        value = btrim(value, E' \t\n\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000'));
create domain counter as bigint
    constraint rooms_rev_check check (value >= 0);

alter table messages
    drop constraint messages_guest_check,
    drop constraint messages_client_id_check,
    drop constraint messages_name_length,
    drop constraint messages_name_characters,
    drop constraint messages_name_trimmed,
    drop constraint messages_message_least,
    drop constraint messages_message_most,
    drop constraint messages_message_characters,
    drop constraint messages_message_trimmed,
    alter column guest type message_author,
    alter column client_id type message_client_id,
    alter column name type message_name,
    alter column message type message_text;

alter table rooms
    drop constraint rooms_rev_check,
    alter column rev type counter;

-- Whether somebody may see a room, for statements that change it: to join it with what may be seen would find it twice.
create function room_visible(room rooms, asker bigint) returns boolean language sql stable as $$
    select asker is null or true
$$;
create or replace function rooms_visible(asker bigint) returns setof rooms language sql stable as $$
    select r.* from rooms r where room_visible(r, asker)
$$;

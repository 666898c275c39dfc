-- The same rules for rooms, for less: each message moves its room's counter, and with any update of a row Postgres reads and checks
-- all checks of its table anew, a tenth of a message's cost. What belongs to a type is checked when a value is made of it.

create domain room_slug as text
    constraint rooms_slug_check check (char_length(value) <= 60 and value ~ '^[a-z0-9][a-z0-9-]*$');
create domain room_name as text
    constraint rooms_name_length check (char_length(value) between 1 and 60)
    constraint rooms_name_characters check (value !~ '[\u0001-\u001f\u007f-\u009f\u2028\u2029]');

alter table rooms
    drop constraint rooms_slug_check,
    drop constraint rooms_name_length,
    drop constraint rooms_name_characters,
    alter column slug type room_slug,
    alter column name type room_name;

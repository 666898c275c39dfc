-- Roles for the programs, each with only the rights that it needs. Run by `confab migrate` after every migration; safe to repeat.
-- Where roles may not be made (a shared host with one account), nothing here is needed: all programs use the owner's.

do $$
declare
    role name;
begin
    foreach role in array array['confab_handler', 'confab_relay'] loop
        if not exists (select from pg_roles where rolname = role) then
            execute format('create role %I login', role);
        end if;
    end loop;
exception
    when insufficient_privilege then
        raise notice 'roles confab_handler and confab_relay were not made: this account may not; all programs can use its own';
    when duplicate_object or unique_violation then
        null; -- another site of the same cluster made them at this moment
end
$$;

do $$
declare
    role name;
begin
    for role in select rolname from pg_roles where rolname in ('confab_handler', 'confab_relay') loop
        execute format('grant usage on schema public to %I', role);
        execute format('grant select on schema_migrations, rooms, messages to %I', role);
        execute format('grant update (rev) on rooms to %I', role);
        execute format('grant insert (room_id, seq, rev, user_id, guest, name, message, client_id) on messages to %I', role);
        execute format('grant update (rev, name, message, edited_at, deleted) on messages to %I', role);
        execute format('grant select, insert, update, delete on throttles to %I', role);
        execute format('grant select, insert, delete on mailbox, mailbox_refs to %I', role);
        execute format('grant usage on sequence mailbox_seq to %I', role);
        execute format('grant select (id, userid, name, picture, role, confirmed_at, banned_at) on users to %I', role);
        execute format('grant select on tokens, revocations, revocation_counter, shown_counter to %I', role);
        execute format('grant update (last_seen_at, address) on tokens to %I', role);
        execute format('grant select, insert, update, delete on presences, presence_leases to %I', role);
    end loop;
    if exists (select from pg_roles where rolname = 'confab_handler') then
        grant select, insert (userid, name, email, phone, picture, password_hash, role, confirmed_at) on users to confab_handler;
        grant update (name, email, phone, picture, password_hash, role, confirmed_at, banned_at) on users to confab_handler;
        grant select, insert, update, delete on tokens to confab_handler;
        grant delete on revocations to confab_handler;
        grant update (swept) on revocation_counter to confab_handler;
    end if;
end
$$;

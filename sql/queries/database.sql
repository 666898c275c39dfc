-- Queries about the database itself.

-- query database_ping read
select 1;

-- query database_epoch read
select epoch();

-- query database_settings read
-- For each new connection: every statement is planned once, not at each execution as Postgres would where it holds the
-- values for better (which takes longer than to run it). They are all short, so none is worth compiling. And all are by index:
-- a table that looks small when a statement is planned grows, or is full of rows that have been (each message leaves one of its
-- room).
select set_config('plan_cache_mode', 'force_generic_plan', false), set_config('jit', 'off', false),
    set_config('enable_seqscan', 'off', false);

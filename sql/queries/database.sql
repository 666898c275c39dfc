-- Queries about the database itself.

-- query database_ping read
select 1;

-- query database_epoch read
select epoch();

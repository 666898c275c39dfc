/* The commands of the operator's tool. Each gets its own name as argv[0] and answers with the exit status: 0; 1 after
 * one sentence on standard error; 2 for wrong usage, after the usage line. */
#ifndef CONFAB_CLI_CLI_H
#define CONFAB_CLI_CLI_H

/* migrate: bring the database of database.migrate_url up to date. */
int cli_migrate(int argc, char **argv);

/* render TEMPLATE --data FILE.json [--partials DIR]: a template filled with JSON, to standard output. */
int cli_render(int argc, char **argv);

/* session list --email E, session revoke HASH: who is signed in with what, and an end to it. */
int cli_session(int argc, char **argv);

/* sweep: delete rows whose time is over. */
int cli_sweep(int argc, char **argv);

/* user add|list|role|password|ban --email E ...: people. */
int cli_user(int argc, char **argv);

#endif

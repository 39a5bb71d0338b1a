/*
 * cmd_kalman.h: luna kalman FILE|-: filter a series with nothing else running.
 */
#ifndef CLI_CMD_KALMAN_H
#define CLI_CMD_KALMAN_H

/* Reads its own command line, --help included: argv[0] is "kalman". Returns the exit status, one
 * of exit_status.h's. */
int cmd_kalman(int argc, char **argv);

#endif

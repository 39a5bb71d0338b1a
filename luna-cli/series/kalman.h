/*
 * kalman.h: `luna kalman`, which filters, smooths or forecasts a file without a server.
 */
#ifndef CLI_KALMAN_H
#define CLI_KALMAN_H

/* Reads its own command line: argv[0] is "kalman". Returns the exit status. */
int cmd_kalman(int argc, char **argv);

#endif

#include "commands/handlers.h"

#include "commands/top_frame.h"
#include "luna/base/clock.h"
#include "session/cli_config.h"
#include "session/pool_status.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

enum {
    PAGE_BYTES_MAX = 1 << 20,
    FRAME_BYTES_MAX = 1 << 17,
    NS_PER_MS = 1000000,
    MS_PER_S = 1000,
    PLAIN_ROWS = 300
};

static const char clear_screen[] = "\033[H\033[2J";

struct screen {
    bool live; /* a terminal: redrawn every interval */
    int rows, columns;
    int interval_ms;
    struct termios before;
};

struct top {
    const char *address;
    struct screen screen;
    struct luna_buf page, frame;
    struct pool_status *now, *before;
    int64_t looked_ns;
};

/* Unbuffered keys without echo; Ctrl-C still works. */
static void open_screen(struct screen *screen, int interval_ms)
{
    *screen = (struct screen){.live = isatty(STDOUT_FILENO) && isatty(STDIN_FILENO),
                              .rows = PLAIN_ROWS,
                              .columns = 200,
                              .interval_ms = interval_ms};
    if (!screen->live || tcgetattr(STDIN_FILENO, &screen->before) != 0) {
        screen->live = false;
        return;
    }
    struct termios raw = screen->before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    (void)tcsetattr(STDIN_FILENO, TCSANOW, &raw); /* if it fails, q needs Enter */
}

static void close_screen(const struct screen *screen)
{
    if (screen->live)
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &screen->before);
}

static void measure_screen(struct screen *screen)
{
    struct winsize size;
    if (!screen->live || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row < 2)
        return;
    screen->rows = size.ws_row - 1;
    screen->columns = size.ws_col;
}

/* Waits for the next frame; true when the user quits. */
static bool wait_for_quit(const struct screen *screen)
{
    struct pollfd key = {.fd = STDIN_FILENO, .events = POLLIN};
    char byte = 0;
    if (poll(&key, 1, screen->interval_ms) <= 0)
        return false;
    return read(STDIN_FILENO, &byte, 1) <= 0 || byte == 'q' || byte == 'Q';
}

static enum luna_code look(struct top *top, struct luna_error *err)
{
    struct pool_status *spare = top->before;
    top->before = top->now;
    top->now = spare;
    int64_t before_ns = top->looked_ns;
    enum luna_code code = pool_status_get(top->address, &top->page, top->now, err);
    if (code != LUNA_OK)
        return code;
    top->looked_ns = luna_clock_mono_ns();
    measure_screen(&top->screen);
    luna_buf_clear(&top->frame);
    if (top->screen.live)
        luna_buf_puts(&top->frame, clear_screen);
    top_frame_draw(top->now, before_ns != 0 ? top->before : NULL,
                   before_ns != 0 ? (top->looked_ns - before_ns) / NS_PER_MS : 0, top->screen.rows,
                   top->screen.columns, &top->frame);
    (void)fwrite(top->frame.data, 1, top->frame.len, stdout);
    (void)fflush(stdout); /* a closed terminal ends the next wait */
    return LUNA_OK;
}

static enum cli_exit watch(struct top *top)
{
    struct luna_error err;
    enum luna_code code = look(top, &err);
    while (code == LUNA_OK && top->screen.live && !wait_for_quit(&top->screen))
        code = look(top, &err);
    return code == LUNA_OK ? CLI_OK : cli_exit_report(&err);
}

static enum cli_exit run(const char *address, int interval_ms)
{
    struct top top = {.address = address,
                      .now = calloc(1, sizeof *top.now),
                      .before = calloc(1, sizeof *top.before)};
    enum cli_exit status = CLI_FAILED;
    luna_buf_init(&top.page, PAGE_BYTES_MAX);
    luna_buf_init(&top.frame, FRAME_BYTES_MAX);
    if (top.now != NULL && top.before != NULL) {
        open_screen(&top.screen, interval_ms);
        status = watch(&top);
        close_screen(&top.screen);
    }
    luna_buf_done(&top.page);
    luna_buf_done(&top.frame);
    free(top.now);
    free(top.before);
    return status;
}

enum cli_exit cmd_top(const struct invocation *invocation)
{
    struct cli_config config;
    struct luna_error err;
    int64_t interval_s = 1;
    const char *interval = invocation_option(invocation, "interval");
    if (interval != NULL && !invocation_integer("--interval", interval, 1, 3600, &interval_s))
        return CLI_USAGE;
    if (cli_config_load(&config, &err) != LUNA_OK)
        return cli_exit_report(&err);
    enum cli_exit status = cli_config_need(&config, "LUNA_MONITOR_LISTEN", &err) == LUNA_OK
                               ? run(config.monitor_listen, (int)interval_s * MS_PER_S)
                               : cli_exit_report(&err);
    cli_config_done(&config);
    return status;
}

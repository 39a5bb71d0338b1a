#include "master/backlog.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

enum { ANSWER_BYTES = 4096, ANSWER_LIMIT_US = 100000 };

struct question {
    struct nlmsghdr header;
    struct unix_diag_req request;
};

static int netlink_socket(void)
{
    static int fd = -1;
    static pid_t opened_by;
    if (opened_by != getpid()) {
        const struct timeval limit = {.tv_usec = ANSWER_LIMIT_US};
        opened_by = getpid();
        fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
        /* cannot fail on a socket */
        if (fd >= 0)
            (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    }
    return fd;
}

static bool ask(int fd, ino_t inode)
{
    const struct question question = {.header = {.nlmsg_len = sizeof question,
                                                 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                                                 .nlmsg_flags = NLM_F_REQUEST},
                                      .request = {.sdiag_family = AF_UNIX,
                                                  .udiag_states = UINT32_MAX,
                                                  .udiag_ino = (uint32_t)inode,
                                                  .udiag_show = UDIAG_SHOW_RQLEN,
                                                  .udiag_cookie = {UINT32_MAX, UINT32_MAX}}};
    return send(fd, &question, sizeof question, MSG_DONTWAIT) == (ssize_t)sizeof question;
}

static bool read_answer(const struct nlmsghdr *header, struct backlog *ret_backlog)
{
    if (header->nlmsg_type != SOCK_DIAG_BY_FAMILY)
        return false;
    const char *message = NLMSG_DATA(header);
    const char *end = (const char *)header + header->nlmsg_len;
    for (const char *at = message + NLMSG_ALIGN(sizeof(struct unix_diag_msg));
         at + sizeof(struct rtattr) <= end;) {
        struct rtattr attribute;
        memcpy(&attribute, at, sizeof attribute);
        if (attribute.rta_len < sizeof attribute)
            return false;
        if (attribute.rta_type == UNIX_DIAG_RQLEN &&
            attribute.rta_len >= RTA_LENGTH(sizeof(struct unix_diag_rqlen))) {
            struct unix_diag_rqlen length;
            memcpy(&length, at + RTA_LENGTH(0), sizeof length);
            *ret_backlog = (struct backlog){.depth = (int)length.udiag_rqueue,
                                            .max = (int)length.udiag_wqueue};
            return true;
        }
        at += RTA_ALIGN(attribute.rta_len);
    }
    return false;
}

/* Of a listening TCP socket, tcp_info holds the queue where it holds a connection's segments. */
static bool read_tcp(int listen_fd, struct backlog *ret_backlog)
{
    struct tcp_info info;
    socklen_t len = sizeof info;
    if (getsockopt(listen_fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0)
        return false;
    *ret_backlog = (struct backlog){.depth = (int)info.tcpi_unacked, .max = (int)info.tcpi_sacked};
    return true;
}

bool backlog_read(int listen_fd, struct backlog *ret_backlog)
{
    if (read_tcp(listen_fd, ret_backlog))
        return true;
    _Alignas(struct nlmsghdr) char answer[ANSWER_BYTES];
    struct stat socket_stat;
    int fd = netlink_socket();
    if (fd < 0 || fstat(listen_fd, &socket_stat) != 0 || !ask(fd, socket_stat.st_ino))
        return false;
    ssize_t len = recv(fd, answer, sizeof answer, 0);
    const struct nlmsghdr *header = (const void *)answer;
    return len >= (ssize_t)sizeof *header && header->nlmsg_len <= (size_t)len &&
           read_answer(header, ret_backlog);
}

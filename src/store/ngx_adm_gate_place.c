
/*
 * Places of processes in the gates: whose they are, and what stands there.
 *
 * A place goes from one process to the next by its word of owners.  The kernel
 * says who lives; where it knows of a process that has not been heard for
 * long, its time of birth tells whether it is still the same.
 */


#include <ngx_adm_gate_room.h>


/* in the owner: the place is taken, and not yet zeroed */
#define NGX_ADM_GATE_OPENING   0x80000000

/* ms after which a process that does not tell that it lives is looked at */
#define NGX_ADM_GATE_SILENT    2000

/* the field of /proc/PID/stat, behind the name, that tells of a birth */
#define NGX_ADM_GATE_BIRTH     20
#define NGX_ADM_GATE_STAT      1024


static ngx_uint_t ngx_adm_gate_take(ngx_adm_gates_sh_t *sh, ngx_uint_t i);
static ngx_uint_t ngx_adm_gate_lives(ngx_adm_gates_sh_t *sh, ngx_uint_t i,
    ngx_atomic_uint_t owner);
static uint64_t ngx_adm_gate_birth(ngx_pid_t pid);


/* of this process: the memory that it serves, and where its place is */

static ngx_adm_gates_sh_t  *ngx_adm_gates_served;
static ngx_adm_gates_sh_t  *ngx_adm_gates_owned;
static ngx_uint_t           ngx_adm_gate_number;
static ngx_pid_t            ngx_adm_gate_process;


void
ngx_adm_gate_own(ngx_adm_gates_sh_t *sh)
{
    ngx_uint_t         i;
    ngx_atomic_uint_t  opened;

    ngx_adm_gates_served = sh;

    if (sh == NULL
        || (ngx_adm_gates_owned == sh && ngx_adm_gate_process == ngx_pid
            && sh->owners[ngx_adm_gate_number]
               == (ngx_atomic_uint_t) ngx_pid))
    {
        return;
    }

    ngx_adm_gates_owned = sh;
    ngx_adm_gate_process = ngx_pid;
    ngx_adm_gate_number = NGX_ADM_GATE_COMMON;

    for (i = NGX_ADM_GATE_COMMON + 1; i < NGX_ADM_GATE_PLACES; i++) {

        if (ngx_adm_gate_take(sh, i)) {
            ngx_adm_gate_number = i;
            break;
        }
    }

    do {
        opened = sh->opened;
    } while (opened <= ngx_adm_gate_number
             && !ngx_atomic_cmp_set(&sh->opened, opened,
                                    ngx_adm_gate_number + 1));

    sh->births[ngx_adm_gate_number] = ngx_adm_gate_birth(ngx_pid);
    sh->beats[ngx_adm_gate_number] = ngx_current_msec;

    if (ngx_adm_gate_number != NGX_ADM_GATE_COMMON) {
        ngx_memory_barrier();
        sh->owners[ngx_adm_gate_number] = ngx_pid;
    }
}


void
ngx_adm_gate_beat(ngx_adm_gates_sh_t *sh)
{
    sh->beats[ngx_adm_gate_number] = ngx_current_msec;
}


void
ngx_adm_gate_sweep(ngx_adm_gates_sh_t *sh)
{
    ngx_uint_t  i;

    for (i = NGX_ADM_GATE_COMMON + 1; i < sh->opened; i++) {

        if (sh->owners[i] && ngx_adm_gate_take(sh, i)) {
            ngx_memory_barrier();
            sh->owners[i] = 0;
        }
    }
}


/* 1: it was nobody's, or is of one that is gone, and is this process' now */

static ngx_uint_t
ngx_adm_gate_take(ngx_adm_gates_sh_t *sh, ngx_uint_t i)
{
    ngx_uint_t          n;
    ngx_atomic_uint_t   owner;
    ngx_adm_gate_sh_t  *gate;

    owner = sh->owners[i];

    if ((owner && ngx_adm_gate_lives(sh, i, owner))
        || !ngx_atomic_cmp_set(&sh->owners[i], owner,
                               ngx_pid | NGX_ADM_GATE_OPENING))
    {
        return 0;
    }

    for (n = 0; n < NGX_ADM_GATES; n++) {
        gate = &sh->gates[n];

        if (gate->len) {
            gate->places[i].inside = 0;
            gate->places[i].peak = 0;
        }
    }

    return 1;
}


static ngx_uint_t
ngx_adm_gate_lives(ngx_adm_gates_sh_t *sh, ngx_uint_t i,
    ngx_atomic_uint_t owner)
{
    uint64_t   birth;
    ngx_pid_t  pid;

    pid = (ngx_pid_t) (owner & ~NGX_ADM_GATE_OPENING);

    /* what has this process' number, and is not its place, was another's */

    if (pid == ngx_pid) {
        return i == ngx_adm_gate_number;
    }

    if (kill(pid, 0) == -1 && ngx_errno == ESRCH) {
        return 0;
    }

    if ((owner & NGX_ADM_GATE_OPENING)
        || (ngx_msec_int_t) (ngx_current_msec - sh->beats[i])
           < NGX_ADM_GATE_SILENT)
    {
        return 1;
    }

    birth = ngx_adm_gate_birth(pid);

    return birth == 0 || sh->births[i] == 0 || birth == sh->births[i];
}


/* in ticks since the machine's start; 0: the kernel does not say */

static uint64_t
ngx_adm_gate_birth(ngx_pid_t pid)
{
    u_char      path[sizeof("/proc//stat") + NGX_INT64_LEN];
    u_char      stat[NGX_ADM_GATE_STAT], *p, *last;
    ssize_t     n;
    ngx_fd_t    fd;
    uint64_t    birth;
    ngx_uint_t  field;

    *ngx_sprintf(path, "/proc/%P/stat", pid) = '\0';

    fd = ngx_open_file(path, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);
    if (fd == NGX_INVALID_FILE) {
        return 0;
    }

    n = ngx_read_fd(fd, stat, sizeof(stat));

    (void) ngx_close_file(fd);

    last = stat + ngx_max(n, 0);

    /* a name may have anything in it */

    for (p = last; p > stat && p[-1] != ')'; p--) { /* void */ }

    for (field = 0; p < last && field < NGX_ADM_GATE_BIRTH; p++) {
        field += (*p == ' ');
    }

    for (birth = 0; p < last && *p >= '0' && *p <= '9'; p++) {
        birth = birth * 10 + (*p - '0');
    }

    return birth;
}


ngx_adm_gate_place_t *
ngx_adm_gate_place(ngx_adm_gate_t *gate)
{
    if (gate->gates->sh == NULL || gate->gates->sh != ngx_adm_gates_served) {
        return NULL;
    }

    return &gate->sh->places[ngx_adm_gate_number];
}


void
ngx_adm_gate_add(ngx_atomic_t *word, uint64_t n)
{
    if (ngx_adm_gate_number == NGX_ADM_GATE_COMMON) {
        (void) ngx_atomic_fetch_add(word, (ngx_atomic_int_t) n);

    } else {
        *word += n;
    }
}


uint64_t
ngx_adm_gate_inside(ngx_adm_gate_t *gate)
{
    uint64_t               inside;
    ngx_uint_t             i, n;
    ngx_adm_gate_place_t  *places;

    n = gate->gates->sh->opened;
    places = gate->sh->places;
    inside = 0;

    for (i = 0; i < n; i++) {
        inside += places[i].inside;
    }

    return inside;
}


void
ngx_adm_gate_sum(ngx_adm_gate_t *gate, uint64_t *sums)
{
    ngx_uint_t             i, n;
    ngx_adm_gate_place_t  *place;

    ngx_memzero(sums, NGX_ADM_GATE_SUMS * sizeof(uint64_t));

    for (i = 0; i < gate->gates->sh->opened; i++) {
        place = &gate->sh->places[i];

        for (n = 0; n < NGX_ADM_GATE_SUMS; n++) {
            sums[n] += place->sums[n];
        }
    }
}

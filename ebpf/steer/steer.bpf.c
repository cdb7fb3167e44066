//go:build ignore

// The programs that choose a listening socket, one per worker, for a new
// connection (sk_reuseport), and for queued ones when a socket closes. Package
// steer loads one copy per listening address; the slots are shared by all.

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define MAX_WORKERS 1024 // steer.MaxWorkers
#define MAX_CPUS    1024 // steer.maxCPUs
#define SCAN        8    // workers compared per connection
#define TRIES       16   // sockets tried when the chosen one is gone
#define QUEUE_COST  16   // one connection queued weighs as much as so many that are open
#define AGE_SHIFT   14   // and as so many times 16 us in one turn of the loop
#define STALLED     (1ULL << 48)

// slot is what worker and programs know of a worker. The halves are on
// different cache lines, since different CPUs write them. steer.slot mirrors it.
struct slot {
	// Written by the worker.
	__s64 state; // >0: in a turn of its loop since; <0: asleep since; 0: not started
	__u64 open;  // open connections
	__u64 reserved[6];
	// Written here. Lost updates by two CPUs do not matter but in the counters.
	__u64 steered;  // connections given to it
	__u64 migrated; // queued connections that it took over
	__u64 queued;   // given to it since its state changed
	__s64 seen;     // the state then
	__s64 last;     // when it was given one
	__u64 spare[3];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, MAX_WORKERS);
	__type(key, __u32);
	__type(value, struct slot);
} slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_REUSEPORT_SOCKARRAY);
	__uint(max_entries, MAX_WORKERS);
	__type(key, __u32);
	__type(value, __u64);
} sockets SEC(".maps");

// The workers bound to a CPU are order[first] to order[first+count-1].
struct bound {
	__u16 first;
	__u16 count;
};

const volatile __u32 workers = 1;
const volatile __s64 stall_ns = 10000000; // longer in one turn: stalled
const volatile struct bound by_cpu[MAX_CPUS];
const volatile __u16 order[MAX_WORKERS];

// give selects the socket of worker w.
static __always_inline int give(struct sk_reuseport_md *ctx, __u32 w)
{
	struct slot *s;

	if (bpf_sk_select_reuseport(ctx, &sockets, &w, 0))
		return 0;
	s = bpf_map_lookup_elem(&slots, &w);
	if (!s)
		return 1;
	__sync_fetch_and_add(&s->steered, 1);
	if (ctx->migrating_sk)
		__sync_fetch_and_add(&s->migrated, 1);
	s->queued++;
	s->last = bpf_ktime_get_ns();
	return 1;
}

// settle gives the connection to worker w or, when that one has no socket any
// more, to another. Without any the kernel chooses as if there were no program.
static __always_inline int settle(struct sk_reuseport_md *ctx, __u32 w)
{
	__u32 n = workers;

	for (__u32 i = 0; i < TRIES; i++) {
		if (i >= n || give(ctx, w))
			break;
		if (++w >= n)
			w = 0;
	}
	return SK_PASS;
}

static __always_inline __u32 by_hash(struct sk_reuseport_md *ctx)
{
	return ctx->hash % workers;
}

// local is a worker bound to this CPU, or one by hash when there is none.
static __always_inline __u32 local(struct sk_reuseport_md *ctx)
{
	__u32 cpu = bpf_get_smp_processor_id();
	__u32 i;

	if (cpu >= MAX_CPUS || !by_cpu[cpu].count)
		return by_hash(ctx);
	i = by_cpu[cpu].first;
	if (by_cpu[cpu].count > 1)
		i += ctx->hash % by_cpu[cpu].count;
	if (i >= MAX_WORKERS)
		return by_hash(ctx);
	return order[i];
}

// score is what w has to do. What was queued counts until the worker has had
// another turn; what did not wake it in stall_ns was no connection (a stray
// packet, or a client that has not spoken yet) and is forgotten.
//
// It is not static, so that it is verified once, by itself, instead of along
// every path that leads to it.
__noinline __u64 score(__u32 w, __s64 now)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &w);
	__s64 state;
	__u64 points;

	if (!s)
		return STALLED;
	state = s->state;
	if (state != s->seen) {
		s->seen = state;
		s->queued = 0;
	} else if (state < 0 && now - s->last > stall_ns) {
		s->queued = 0;
	}
	points = s->open + s->queued * QUEUE_COST;
	if (state > 0 && now > state) {
		points += (__u64)(now - state) >> AGE_SHIFT;
		if (now - state > stall_ns)
			points += STALLED;
	}
	return points;
}

SEC("sk_reuseport/migrate")
int steer_hash(struct sk_reuseport_md *ctx)
{
	return settle(ctx, by_hash(ctx));
}

SEC("sk_reuseport/migrate")
int steer_cpu(struct sk_reuseport_md *ctx)
{
	return settle(ctx, local(ctx));
}

// steer_load takes the worker with the lowest score, the one of this CPU where
// it is not beaten. Of many workers it compares some, chosen by hash: reading
// all slots would cost more than the best choice gains.
SEC("sk_reuseport/migrate")
int steer_load(struct sk_reuseport_md *ctx)
{
	__s64 now = bpf_ktime_get_ns();
	__u32 n = workers, w = local(ctx);
	__u64 points = score(w, now), best = points * MAX_WORKERS + w;

	w = n > SCAN ? by_hash(ctx) : 0;
	for (__u32 i = 0; i < SCAN; i++) {
		__u64 other;

		if (i >= n)
			break;
		// Worker and score in one number leave the verifier nothing to tell
		// apart; equal scores must not beat the first.
		other = score(w, now);
		if (other < points) {
			points = other;
			best = other * MAX_WORKERS + w;
		}
		if (++w >= n)
			w = 0;
	}
	return settle(ctx, best % MAX_WORKERS);
}

char _license[] SEC("license") = "Apache-2.0";

//go:build ignore

// The program of package filter (XDP), which fills its maps.

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define MAX_ENTRIES 1000000 // per list; filter.MaxEntries
#define SOURCES     131072  // whose rate is remembered
#define VLANS       2
#define EXTENSIONS  4          // headers of IPv6 looked behind
#define SAMPLE_NS   10000000LL // from one sample to the next, on a CPU

// What became of a packet; filter.verdicts names them.
#define ALLOW 1
#define BLOCK 4

enum verdict { PASSED, ALLOWED, BLOCKED, SYN_PASSED, SYN_LIMITED, VERDICTS };

struct key4 {
	__u32 bits;
	__u8 addr[4];
};

struct key6 {
	__u32 bits;
	__u8 addr[16];
};

#define LIST(name, keytype)                              \
	struct {                                         \
		__uint(type, BPF_MAP_TYPE_LPM_TRIE);     \
		__uint(map_flags, BPF_F_NO_PREALLOC);    \
		__uint(max_entries, MAX_ENTRIES);        \
		__type(key, keytype);                    \
		__type(value, __u64); /* packets matched */ \
	} name SEC(".maps")

LIST(allow4, struct key4);
LIST(allow6, struct key6);
LIST(block4, struct key4);
LIST(block6, struct key6);

// The rate of a source is kept as the time at which it will have used up what
// it has sent so far (GCRA): one word, and a lost update lets one SYN more by.
struct source {
	__u64 hi, lo; // IPv6 by /64, which is what one customer has
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, SOURCES);
	__type(key, struct source);
	__type(value, __u64);
} sources SEC(".maps");

struct limit {
	__u64 interval; // nanoseconds per SYN; 0 for no limit
	__u64 burst;    // nanoseconds that may be used up in advance, a tick of the clock at least
	__u32 lists;    // ALLOW and BLOCK, shifted by the family: those that are not empty
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct limit);
} limits SEC(".maps");

struct count {
	__u64 packets[VERDICTS];
	__u64 bytes[VERDICTS];
	__u64 sampled; // when
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct count);
} counts SEC(".maps");

// sample is a dropped packet. filter.sample mirrors it.
struct sample {
	__u64 time;
	__u8 addr[16]; // an IPv4 address in the first four
	__u16 port;    // destination, host order; 0 when not read
	__u8 v6;
	__u8 verdict;
	__u32 interface;
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 16);
} samples SEC(".maps");

// packet is what is known of the packet at hand.
struct packet {
	struct key4 v4;
	struct key6 v6;
	void *tcp; // a whole header; NULL when there is none in sight
	__u16 port;
	__u8 is6;
};

static __always_inline void note(struct xdp_md *ctx, struct packet *p, struct count *c, __u8 verdict, __u64 now)
{
	struct sample *s;

	if (!now)
		now = bpf_ktime_get_coarse_ns();
	if (now - c->sampled < SAMPLE_NS)
		return;
	c->sampled = now;
	s = bpf_ringbuf_reserve(&samples, sizeof(*s), 0);
	if (!s)
		return;
	s->time = now;
	__builtin_memset(s->addr, 0, sizeof(s->addr));
	if (p->is6)
		__builtin_memcpy(s->addr, p->v6.addr, 16);
	else
		__builtin_memcpy(s->addr, p->v4.addr, 4);
	s->port = p->port;
	s->v6 = p->is6;
	s->verdict = verdict;
	s->interface = ctx->ingress_ifindex;
	bpf_ringbuf_submit(s, 0);
}

// parse finds the addresses and the TCP header. 0 for anything but IP.
static __always_inline int parse(struct xdp_md *ctx, struct packet *p)
{
	void *at = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = at;
	__u16 type;
	__u8 proto;

	if (at + sizeof(*eth) > end)
		return 0;
	type = eth->h_proto;
	at += sizeof(*eth);
	for (int i = 0; i < VLANS; i++) {
		if (type != bpf_htons(ETH_P_8021Q) && type != bpf_htons(ETH_P_8021AD))
			break;
		if (at + 4 > end)
			return 0;
		type = *(__u16 *)(at + 2);
		at += 4;
	}
	if (type == bpf_htons(ETH_P_IP)) {
		struct iphdr *ip = at;

		if (at + sizeof(*ip) > end)
			return 0;
		p->v4.bits = 32;
		__builtin_memcpy(p->v4.addr, &ip->saddr, 4);
		if (ip->protocol != IPPROTO_TCP || ip->frag_off & bpf_htons(0x1fff) || ip->ihl < 5)
			return 1;
		at += ip->ihl * 4;
	} else if (type == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr *ip = at;

		if (at + sizeof(*ip) > end)
			return 0;
		p->is6 = 1;
		p->v6.bits = 128;
		__builtin_memcpy(p->v6.addr, &ip->saddr, 16);
		proto = ip->nexthdr;
		at += sizeof(*ip);
		for (int i = 0; i < EXTENSIONS; i++) {
			__u8 *h = at;

			if (proto != IPPROTO_HOPOPTS && proto != IPPROTO_ROUTING && proto != IPPROTO_DSTOPTS &&
			    proto != IPPROTO_FRAGMENT)
				break;
			if (at + 8 > end)
				return 1;
			if (proto == IPPROTO_FRAGMENT) {
				if (*(__u16 *)(at + 2) & bpf_htons(0xfff8))
					return 1; // not the first
				at += 8;
			} else {
				at += (h[1] + 1) * 8;
			}
			proto = h[0];
		}
		if (proto != IPPROTO_TCP)
			return 1;
	} else {
		return 0;
	}
	if (at + sizeof(struct tcphdr) <= end) {
		struct tcphdr *tcp = at;

		p->port = bpf_ntohs(tcp->dest);
		p->tcp = tcp->syn && !tcp->ack ? at : 0;
	}
	return 1;
}

// over tells whether a SYN is more than its source may send.
static __always_inline int over(struct packet *p, struct limit *l, __u64 now)
{
	struct source src = {};
	__u64 *due, next;

	if (p->is6)
		__builtin_memcpy(&src.hi, p->v6.addr, 8);
	else
		__builtin_memcpy(&src.lo, p->v4.addr, 4);
	due = bpf_map_lookup_elem(&sources, &src);
	if (!due) {
		next = now + l->interval;
		bpf_map_update_elem(&sources, &src, &next, BPF_ANY);
		return 0;
	}
	next = *due;
	if (next < now)
		next = now;
	if (next - now > l->burst)
		return 1;
	*due = next + l->interval;
	return 0;
}

static __always_inline enum verdict judge(struct packet *p, struct limit *l, __u64 *now)
{
	__u64 *hits;

	if (l->lists & (ALLOW << p->is6)) {
		hits = p->is6 ? bpf_map_lookup_elem(&allow6, &p->v6) : bpf_map_lookup_elem(&allow4, &p->v4);
		if (hits) {
			__sync_fetch_and_add(hits, 1);
			return ALLOWED;
		}
	}
	if (l->lists & (BLOCK << p->is6)) {
		hits = p->is6 ? bpf_map_lookup_elem(&block6, &p->v6) : bpf_map_lookup_elem(&block4, &p->v4);
		if (hits) {
			__sync_fetch_and_add(hits, 1);
			return BLOCKED;
		}
	}
	if (!p->tcp || !l->interval)
		return PASSED;
	*now = bpf_ktime_get_coarse_ns();
	return over(p, l, *now) ? SYN_LIMITED : SYN_PASSED;
}

SEC("xdp")
int filter(struct xdp_md *ctx)
{
	struct packet p = {};
	struct limit *l;
	struct count *c;
	enum verdict v;
	__u32 zero = 0;
	__u64 now = 0; // read only where it is needed, from the clock that ticks: it costs a tenth

	if (!parse(ctx, &p))
		return XDP_PASS;
	l = bpf_map_lookup_elem(&limits, &zero);
	c = bpf_map_lookup_elem(&counts, &zero);
	if (!l || !c)
		return XDP_PASS;
	v = judge(&p, l, &now);
	if (v >= VERDICTS)
		return XDP_PASS;
	c->packets[v]++;
	c->bytes[v] += ctx->data_end - ctx->data;
	if (v != BLOCKED && v != SYN_LIMITED)
		return XDP_PASS;
	note(ctx, &p, c, v, now);
	return XDP_DROP;
}

char _license[] SEC("license") = "Apache-2.0";

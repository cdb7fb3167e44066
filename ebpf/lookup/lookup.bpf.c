//go:build ignore

// The program that finds the socket of a connection to a range of ports or
// addresses (sk_lookup). Package lookup fills the maps.

#include <linux/bpf.h>
#include <linux/in.h>
#include <bpf/bpf_helpers.h>

#define MAX_RULES 256 // lookup.MaxRules
#define PASS      -1
#define READ(x)   (*(volatile __u32 *)&(x))

// rule mirrors lookup.rule. An IPv4 address stands in the first word.
struct rule {
	__u32 addr[4]; // network order, as mask
	__u32 mask[4];
	__u32 family;
	__u16 first; // ports, host order
	__u16 last;
	__s32 socket; // index, or PASS
	__u32 pad;
	__u64 hits;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_RULES);
	__type(key, __u32);
	__type(value, struct rule);
} rules SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, MAX_RULES);
	__type(key, __u32);
	__type(value, __u64);
} sockets SEC(".maps");

const volatile __u32 count;

SEC("sk_lookup")
int find_socket(struct bpf_sk_lookup *ctx)
{
	__u32 port = ctx->local_port, family = ctx->family, addr[4], v4;

	if (ctx->protocol != IPPROTO_TCP)
		return SK_PASS;
	// Fields of a context are read at fixed offsets only; the compiler must
	// not choose between two of them by address.
	addr[0] = READ(ctx->local_ip6[0]);
	addr[1] = READ(ctx->local_ip6[1]);
	addr[2] = READ(ctx->local_ip6[2]);
	addr[3] = READ(ctx->local_ip6[3]);
	v4 = READ(ctx->local_ip4);
	if (family == 2) // AF_INET; the words of the other family are 0
		addr[0] = v4;
	for (__u32 i = 0; i < MAX_RULES; i++) {
		struct bpf_sock *sk;
		struct rule *r;
		__u32 key = i;

		if (i >= count)
			break;
		r = bpf_map_lookup_elem(&rules, &key);
		if (!r)
			break;
		if (r->family != family || port < r->first || port > r->last)
			continue;
		if ((addr[0] & r->mask[0]) != r->addr[0] || (addr[1] & r->mask[1]) != r->addr[1] ||
		    (addr[2] & r->mask[2]) != r->addr[2] || (addr[3] & r->mask[3]) != r->addr[3])
			continue;
		if (r->socket == PASS)
			return SK_PASS;
		key = r->socket;
		sk = bpf_map_lookup_elem(&sockets, &key);
		if (!sk)
			return SK_PASS;
		__sync_fetch_and_add(&r->hits, 1);
		bpf_sk_assign(ctx, sk, BPF_SK_LOOKUP_F_REPLACE);
		bpf_sk_release(sk);
		return SK_PASS;
	}
	return SK_PASS;
}

char _license[] SEC("license") = "Apache-2.0";

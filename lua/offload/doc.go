// Package offload is ngx.run_worker_thread: Lua functions that compute long or use files run beside the event loop, in
// VMs of their own, while the light thread that called waits.
//
// It owns those VMs, at most lua_worker_thread_vm_pool_size for each configuration, and the queues of the pools that
// thread_pool names. It knows requests only to wait in them. A VM belongs to one task at a time; between tasks its
// modules stay loaded.
//
//	light thread: arguments are copied ──▶ queue of the pool ──▶ goroutine: require, call, results are copied
//	light thread goes on  ◀── Loop.Post ◀───────────────────────┘
//
// Values pass as copies: strings, numbers, booleans, nil and tables of these. The function has the part of ngx that
// needs no request: text, digests, ngx.config and ngx.shared.
package offload

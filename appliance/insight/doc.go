// Package insight answers questions about what the workers of a server process do: who is busy, and with which Lua.
//
//	weir top, curl ── weir.sock ── master ══ Link ══ server ── Service.Answer ── a task on each worker's loop
//
// It owns Service and the form of the answers (Report, Memory, profiles). It must not know how a question got here;
// package top is the other end, on the command line.
//
// Questions are paths: /top (what workers and scripts have done so far), /lua/memory (what each worker's Lua keeps,
// measured a slice at a time) and /lua/profile?seconds=N&kind=folded|lines|go (where time goes meanwhile).
//
// Thread rule: an answer is made on a goroutine of its own. What belongs to a worker is read by a task on its loop;
// one that is too busy to run it is reported with what it said last and with the Lua that it shows it is busy with
// (api.Worker.Busy).
package insight

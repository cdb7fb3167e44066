// Package stubstatus is nginx's stub_status module: a page of connection
// counters, and the variables $connections_*.
//
// The counters belong to their workers, who count without atomics. The page
// asks every other worker by its mailbox and answers when all have put their
// counters where others may read them, or after answerTime. The variables
// cannot wait: they are exact for their own worker, and for others as fresh as
// the last time anybody asked, which using them does.
//
// The package knows the core only.
package stubstatus

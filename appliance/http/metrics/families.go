package metrics

import "github.com/prometheus/client_golang/prometheus"

// Family describes metrics of one name, for the scraper and for the reference.
type Family struct {
	Name   string
	Kind   string // counter, gauge or histogram
	Help   string
	Labels []string
}

// The families; each is an index of families.
const (
	build = iota
	generation
	steering
	filterInfo
	filterPackets
	filterBytes
	filterNetworks
	filterPending
	kernelTLS
	connections
	accepted
	refused
	acceptErrors
	dialled
	requestsRead
	responses
	duration
	panics
	certificateExpiry
	peerConns
	peerFails
	peerUp
	workerUp
	workerConnections
	workerAccepted
	workerUpstreamIdleConnections
	workerReceives
	workerSends
	workerSendfileBytes
	workerTLSHandshakes
	workerTLSConnections
	workerTLSKernel
	workerMailboxSeconds
	workerLoopTurns
	workerLoopEvents
	workerLoopSleeps
	workerLoopBusySeconds
	workerLoopIdleSeconds
	workerLoopWorstTurnSeconds
	workerBufferGets
	workerBufferMisses
	workerBufferOdd
	workerBufferDropped
	workerBufferRetainedBytes
	workerBufferInUseBytes
	workerBufferLinks
	workerBufferPipes
	numFamilies
)

// Kinds of families.
const (
	counter   = "counter"
	gauge     = "gauge"
	histogram = "histogram"
)

var valueTypes = map[string]prometheus.ValueType{counter: prometheus.CounterValue, gauge: prometheus.GaugeValue}

var (
	byWorker  = []string{"worker"}
	byVerdict = []string{"verdict"}
)

var families = [numFamilies]Family{
	build:                         {"weir_build_info", gauge, "Version of the program; the value is 1.", []string{"version"}},
	generation:                    {"weir_config_generation", gauge, "Number of the configuration in use; it rises with each reload.", nil},
	steering:                      {"weir_steering_info", gauge, "How new connections get to workers: worker_steering and the means the kernel offers for it; the value is 1.", []string{"mode", "rung"}},
	filterInfo:                    {"weir_filter_info", gauge, "Network devices that xdp_filter is attached to, and whether their drivers run it; the value is 1.", []string{"device", "mode"}},
	filterPackets:                 {"weir_filter_packets_total", counter, "Packets that the filter has seen, by what became of them: allowed and blocked are matches of the lists, syn_limited those dropped by syn_rate.", byVerdict},
	filterBytes:                   {"weir_filter_bytes_total", counter, "Their bytes.", byVerdict},
	filterNetworks:                {"weir_filter_networks", gauge, "Networks in the filter's lists.", []string{"list"}},
	filterPending:                 {"weir_filter_unconfirmed", gauge, "Whether a change of the filter is taken back unless it is confirmed.", nil},
	kernelTLS:                     {"weir_tls_kernel_info", gauge, "What the kernel can do of TLS on connections whose configuration leaves it to it (ssl_conf_command Options KTLS); the value is 1.", []string{"sends", "receives"}},
	connections:                   {"weir_connections", gauge, "Client connections open now, by what they do.", []string{"state"}},
	accepted:                      {"weir_connections_accepted_total", counter, "Client connections accepted.", nil},
	refused:                       {"weir_connections_refused_total", counter, "Connections closed at once because worker_connections were not enough.", nil},
	acceptErrors:                  {"weir_accept_errors_total", counter, "Failed accept calls.", nil},
	dialled:                       {"weir_upstream_connections_opened_total", counter, "Connections begun to backends.", nil},
	requestsRead:                  {"weir_requests_total", counter, "Client requests whose head was read, good or bad.", nil},
	responses:                     {"weir_responses_total", counter, "Finished requests by the class of their status; none: closed without an answer.", []string{"class"}},
	duration:                      {"weir_request_duration_seconds", histogram, "Time from the first byte of a request to the end of its response.", nil},
	panics:                        {"weir_panics_total", counter, "Handlers that panicked and were contained.", nil},
	certificateExpiry:             {"weir_certificate_expiry_timestamp_seconds", gauge, "When a certificate of the configuration ends, in Unix time.", []string{"subject", "serial"}},
	peerConns:                     {"weir_upstream_peer_connections", gauge, "Requests being passed to a peer now.", []string{"upstream", "peer"}},
	peerFails:                     {"weir_upstream_peer_fails", gauge, "Failures of a peer within its fail_timeout.", []string{"upstream", "peer"}},
	peerUp:                        {"weir_upstream_peer_up", gauge, "Whether a peer may be chosen now.", []string{"upstream", "peer"}},
	workerUp:                      {"weir_worker_up", gauge, "Whether the worker answered in time; if not, its values are those of the scrape before.", byWorker},
	workerConnections:             {"weir_worker_connections", gauge, "Client connections of the worker.", byWorker},
	workerAccepted:                {"weir_worker_connections_accepted_total", counter, "Client connections that the worker accepted.", byWorker},
	workerUpstreamIdleConnections: {"weir_worker_upstream_idle_connections", gauge, "Idle connections to backends kept.", byWorker},
	workerReceives:                {"weir_worker_receives_total", counter, "Receive calls made.", byWorker},
	workerSends:                   {"weir_worker_sends_total", counter, "Send calls made.", byWorker},
	workerSendfileBytes:           {"weir_worker_sendfile_bytes_total", counter, "Bytes of files that the kernel sent by itself.", byWorker},
	workerTLSHandshakes:           {"weir_worker_tls_handshakes_total", counter, "TLS handshakes: full and resumed ones with clients, with backends (upstream), and those that failed, took too long (timeout) or were too many (refused).", []string{"worker", "result"}},
	workerTLSConnections:          {"weir_worker_tls_connections", gauge, "Connections with TLS past their handshake, to clients and backends.", byWorker},
	workerTLSKernel:               {"weir_worker_tls_kernel_connections_total", counter, "Connections whose TLS records the kernel took over, by direction: send, receive.", []string{"worker", "direction"}},
	workerMailboxSeconds:          {"weir_worker_mailbox_seconds", gauge, "Time a task from outside waited for its turn on the loop, at this scrape.", byWorker},
	workerLoopTurns:               {"weir_worker_loop_turns_total", counter, "Batches of events handled.", byWorker},
	workerLoopEvents:              {"weir_worker_loop_events_total", counter, "Events handled.", byWorker},
	workerLoopSleeps:              {"weir_worker_loop_sleeps_total", counter, "Times the loop waited for events.", byWorker},
	workerLoopBusySeconds:         {"weir_worker_loop_busy_seconds_total", counter, "Time spent in turns.", byWorker},
	workerLoopIdleSeconds:         {"weir_worker_loop_idle_seconds_total", counter, "Time spent waiting for events.", byWorker},
	workerLoopWorstTurnSeconds:    {"weir_worker_loop_worst_turn_seconds", gauge, "The longest turn there was.", byWorker},
	workerBufferGets:              {"weir_worker_buffer_gets_total", counter, "Buffers taken from the pool.", byWorker},
	workerBufferMisses:            {"weir_worker_buffer_misses_total", counter, "Buffers that had to be allocated.", byWorker},
	workerBufferOdd:               {"weir_worker_buffer_odd_total", counter, "Buffers too large for the pool.", byWorker},
	workerBufferDropped:           {"weir_worker_buffer_dropped_total", counter, "Buffers that the pool did not keep.", byWorker},
	workerBufferRetainedBytes:     {"weir_worker_buffer_retained_bytes", gauge, "Bytes of free buffers in the pool.", byWorker},
	workerBufferInUseBytes:        {"weir_worker_buffer_in_use_bytes", gauge, "Bytes of the pool's buffers in use.", byWorker},
	workerBufferLinks:             {"weir_worker_buffer_links", gauge, "Links of output chains in use.", byWorker},
	workerBufferPipes:             {"weir_worker_buffer_pipes", gauge, "Pairs of pipes open.", byWorker},
}

// descs are the families as Prometheus wants them.
var descs = describe()

func describe() (list [numFamilies]*prometheus.Desc) {
	for i, f := range families {
		list[i] = prometheus.NewDesc(f.Name, f.Help, f.Labels, nil)
	}
	return list
}

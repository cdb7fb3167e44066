package phase

import (
	"weir/appliance/http"
	"weir/lua/api"
)

// byScript are the labels of what is counted by script and phase. A worker tells 512 of these apart.
var byScript = []string{"phase", "script"}

// metrics are what Lua has used, by script and phase. The values are in the order of the families.
var metrics = http.Metrics{
	Families: []http.MetricFamily{
		{Name: "weir_lua_runs_total", Kind: "counter", Help: "Runs of Lua begun.", Labels: byScript},
		{Name: "weir_lua_waits_total", Kind: "counter", Help: "Times that Lua was set aside to wait.", Labels: byScript},
		{Name: "weir_lua_errors_total", Kind: "counter", Help: "Runs that an error ended.", Labels: byScript},
		{Name: "weir_lua_steps_total", Kind: "counter", Help: "Ends of loops and calls of Lua functions, as lua_budget_instructions counts them.", Labels: byScript},
		{Name: "weir_lua_allocated_bytes_total", Kind: "counter", Help: "Bytes that Lua has allocated.", Labels: byScript},
		{Name: "weir_lua_seconds_total", Kind: "counter", Help: "Time that Lua took on its worker, without what ran within it; short stretches are estimated from one in 16.", Labels: byScript},
	},
	Measure: func(w *http.Worker, add func(family int, v float64, labels ...string)) {
		for _, m := range api.Workers.Of(w).Meters.List() {
			phase := m.Phase.Name()
			for i, v := range [...]float64{
				float64(m.Runs), float64(m.Parks), float64(m.Errors), float64(m.Steps), float64(m.Bytes), float64(m.Nanos) / 1e9,
			} {
				add(i, v, phase, m.Name)
			}
		}
	},
}

package phase

import (
	"math"

	"weir/appliance/conf"
	"weir/lua/api"
	"weir/lua/vm"
)

// Budgets that nobody set: no script that serves requests comes near them. A loop that does nothing holds its worker for
// one or two seconds, one that calls functions of the API for ten times as long.
const (
	defaultSteps  = 1 << 28 // loop ends and calls
	defaultMemory = 1 << 30 // bytes
)

// initFactor is how many times the budget init_by_lua has, which may read tables of millions of entries, and which
// nobody waits for.
const initFactor = 16

// noBudget is "off".
const noBudget = -1

// budgets is the table of the lua_budget_* directives.
func budgets() []conf.Directive {
	return []conf.Directive{
		{Name: "lua_budget_instructions", In: conf.HTTP, Args: conf.Take1, Default: "256m", Syntax: "number | off",
			Set: budget(func(c *api.MainSettings) *conf.Opt[int64] { return &c.BudgetSteps }),
			Doc: "Limits the ends of loops and the calls that Lua may make without waiting; a script that exceeds it is ended with an error that tells where it was. init_by_lua has 16 times as many."},
		{Name: "lua_budget_memory", In: conf.HTTP, Args: conf.Take1, Default: "1g", Syntax: "size | off",
			Set: budget(func(c *api.MainSettings) *conf.Opt[int64] { return &c.BudgetMemory }),
			Doc: "Limits the memory that Lua may allocate without waiting, garbage included; a script that exceeds it gets the error \"not enough memory\". init_by_lua has 16 times as much."},
	}
}

func budget(field func(c *api.MainSettings) *conf.Opt[int64]) conf.Setter {
	set := conf.Off(field)
	return func(cx *conf.Cx, it *conf.Item) error {
		at := field(conf.Target[api.MainSettings](cx))
		if it.Arg(0) == "off" && !at.Set {
			at.Put(noBudget)
			return nil
		}
		if err := set(cx, it); err != nil {
			return err
		}
		if at.V == 0 {
			return conf.Errorf("a budget of nothing; \"off\" is for no limit")
		}
		return nil
	}
}

// limit applies the budgets of the configuration to a VM, so many times.
func (m *mainConf) limit(v *vm.VM, times int64) {
	v.SetBudget(vm.Budget{Stretch: multiple(m.lua.BudgetSteps.V, times), StretchBytes: multiple(m.lua.BudgetMemory.V, times)})
}

// multiple is a budget so many times; 0 is no limit.
func multiple(budget, times int64) int64 {
	if budget > math.MaxInt64/2/times {
		return math.MaxInt64 / 2 // what was used before is added to it
	}
	return max(budget, 0) * times
}

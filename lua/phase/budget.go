package phase

import (
	"weir/appliance/conf"
	"weir/lua/api"
	"weir/lua/vm"
)

// Budgets that nobody set: no script that serves requests comes near them, and a runaway one holds its worker for a
// few seconds.
const (
	defaultSteps  = 1 << 30 // loop ends and calls
	defaultMemory = 1 << 30 // bytes
)

// noBudget is "off".
const noBudget = -1

// budgets is the table of the lua_budget_* directives.
func budgets() []conf.Directive {
	return []conf.Directive{
		{Name: "lua_budget_instructions", In: conf.HTTP, Args: conf.Take1, Default: "1g", Syntax: "number | off",
			Set: budget(func(c *api.MainSettings) *conf.Opt[int64] { return &c.BudgetSteps }),
			Doc: "Limits the ends of loops and the calls that Lua may make without waiting; a script that exceeds it is ended with an error that tells where it was."},
		{Name: "lua_budget_memory", In: conf.HTTP, Args: conf.Take1, Default: "1g", Syntax: "size | off",
			Set: budget(func(c *api.MainSettings) *conf.Opt[int64] { return &c.BudgetMemory }),
			Doc: "Limits the memory that Lua may allocate without waiting, garbage included; a script that exceeds it gets the error \"not enough memory\"."},
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

// limit applies the budgets of the configuration to a VM.
func (m *mainConf) limit(v *vm.VM) {
	v.SetBudget(vm.Budget{Stretch: max(m.lua.BudgetSteps.V, 0), StretchBytes: max(m.lua.BudgetMemory.V, 0)})
}

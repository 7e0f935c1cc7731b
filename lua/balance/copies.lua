-- SPDX-License-Identifier: MIT
--- Many copies of one table, each at less than half of what reading JSON costs:
-- where its tables are is looked at once.
-- @module balance.copies

local core = require "balance.core"
local schema = require "balance.schema"

local _M = {}

-- A plan of a table: what is in it by numbers, its tables apart.
local function new_plan(original)
  local plan = { original = original, names = {}, values = {}, places = {},
    parts = {} }
  for name, value in next, original do
    if type(value) == "table" then
      plan.places[#plan.places + 1] = name
      plan.parts[#plan.parts + 1] = new_plan(value)
    else
      plan.names[#plan.names + 1] = name
      plan.values[#plan.values + 1] = value
    end
  end
  plan.length = #original
  plan.others = #plan.names + #plan.places - plan.length
  return plan
end

-- A copy of a plan's table without the tables in it, which come next.
local copy_one

-- LuaJIT has this, and compiles the loop. (OpenResty's table.clone is quicker,
-- but a loop of it never lets the collector run.)
local is_here, new_table = pcall(require, "table.new")
if is_here and rawget(_G, "jit") then
  copy_one = function(plan)
    local new = new_table(plan.length, plan.others)
    local names, values = plan.names, plan.values
    for i = 1, #names do
      new[names[i]] = values[i]
    end
    return new
  end
else
  copy_one = function(plan)
    return core.copy(plan.original)
  end
end

local function copy(plan)
  local new, places, parts = copy_one(plan), plan.places, plan.parts
  for i = 1, #places do
    new[places[i]] = copy(parts[i])
  end
  return new
end

--- Makes a function that returns a copy, of all levels, each time.
-- @tparam table original which may be changed afterwards
-- @treturn ?function nil where the table is large, or not plain: then nothing
-- can be said of a copy
function _M.of(original)
  local plain = schema.read_plain(original, "")
  local plan = plain and new_plan(plain)
  return plan and function() return copy(plan) end
end

return _M

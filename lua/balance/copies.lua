-- SPDX-License-Identifier: MIT
--- Many copies of one table, each at less than half of what reading JSON costs:
-- where its tables are is looked at once.
-- @module balance.copies

local core = require "balance.core"
local schema = require "balance.schema"

local _M = {}

-- A plan of a table: the tables in it, and where they are.
local function new_plan(original)
  local plan = { original = original, places = {}, parts = {} }
  for place, value in next, original do
    if type(value) == "table" then
      plan.places[#plan.places + 1] = place
      plan.parts[#plan.parts + 1] = new_plan(value)
    end
  end
  return plan
end

-- A copy of a plan's table, without copies of the tables in it. OpenResty's
-- LuaJIT has a function for it that it compiles.
local copy_one
local is_here, clone = pcall(require, "table.clone")
if is_here and rawget(_G, "jit") then
  copy_one = function(plan)
    plan.scrap = {} -- lets the collector run, which that function never does
    return clone(plan.original)
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

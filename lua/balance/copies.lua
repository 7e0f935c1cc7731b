-- SPDX-License-Identifier: MIT
--- Many copies of one table, each at less than half of what reading JSON costs:
-- where its tables are is looked at once.
-- @module balance.copies

local core = require "balance.core"
local schema = require "balance.schema"

local _M = {}

-- Of OpenResty's LuaJIT, which compiles it.
local has_clone, clone = pcall(require, rawget(_G, "jit") and "table.clone")
if not has_clone then
  clone = core.copy
end

-- A table, and by number the names and plans of the tables in it.
local function new_plan(original)
  local plan = { original = original, names = {}, parts = {} }
  for name, value in next, original do
    if type(value) == "table" then
      plan.names[#plan.names + 1] = name
      plan.parts[#plan.parts + 1] = new_plan(value)
    end
  end
  return plan
end

local function copy(plan)
  local new, names, parts = clone(plan.original), plan.names, plan.parts
  for i = 1, #names do
    new[names[i]] = copy(parts[i])
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

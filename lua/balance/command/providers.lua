-- SPDX-License-Identifier: MIT
--- `balance providers`: what can be asked, and how keys are given.
-- @module balance.command.providers

local core = require "balance.core"
local data = require "balance.command.data"
local layout = require "balance.report.layout"
local providers = require "balance.providers"
local safe = require "cjson.safe"
local status = require("balance.command.stop").status

local _M = {}

local columns = { { "provider" }, { "unit" }, { "keys" },
  { "endpoint, or variable" } }

local function endpoint_of(provider)
  return provider.endpoint or provider.default_endpoint {}
end

-- The variables of the keys that a call needs.
local function variables_of(known)
  local names = {}
  for _, credential in ipairs(known.credentials) do
    if not credential.optional then
      names[#names + 1] = credential.variables[1]
    end
  end
  return names
end

local function describe(known)
  local provider = providers.known[known.name]
  return {
    name = known.name, unit = known.unit, variables = variables_of(known),
    endpoint = endpoint_of(provider),
    endpoint_variable = known.endpoint_variable,
  }
end

local function write_json(list)
  local by_name = {}
  for _, one in ipairs(list) do
    by_name[one.name], one.name = one, nil
  end
  return core.in_plain_locale(safe.encode,
    { version = 1, providers = by_name }) .. "\n"
end

local function write_plain(list)
  local lines = {}
  for i, one in ipairs(list) do
    lines[i] = table.concat({ one.name, one.unit,
      table.concat(one.variables, " "), one.endpoint,
      one.endpoint_variable }, "\t") .. "\n"
  end
  return table.concat(lines)
end

local function write_table(list)
  local rows, lines = {}, {}
  for _, one in ipairs(list) do
    rows[#rows + 1] = { one.name, one.unit, one.variables[1], one.endpoint }
    for i = 2, math.max(#one.variables, 2) do
      rows[#rows + 1] = { "", "", one.variables[i] or "",
        i == 2 and one.endpoint_variable or "" }
    end
  end
  layout.table(columns, rows, lines)
  return table.concat(lines, "\n") .. "\n"
end

--- Runs it.
-- @tparam table arguments
-- @treturn integer the exit status
function _M.run(arguments)
  local list = {}
  for i, known in ipairs(providers.list()) do
    list[i] = describe(known)
  end
  data.write((arguments.json and write_json or arguments.plain and write_plain
    or write_table)(list))
  return status.fine
end

return _M

-- SPDX-License-Identifier: MIT
--- The doctor looks at an account's keys: where they are from, what was passed
-- by, and whether they look like keys.
-- @module balance.command.doctor.keys

local core = require "balance.core"
local credentials = require "balance.credentials"
local mask = require("balance.command.doctor.findings").mask
local odd = require "balance.credentials.odd"
local reference = require "balance.command.reference"
local text = require "balance.text"
local variables = require "balance.credentials.variables"

local _M = {}

-- A reference shows where a key is; the key itself is not shown.
local function place_of(value)
  return reference.is_literal(value) and "the accounts file itself"
    or value:find "^cmd:" and "a command" or value
end

-- Adds what is missing in a set. Returns whether nothing is.
local function is_complete(findings, provider, set)
  local complete = true
  for _, credential in ipairs(provider.credentials) do
    if not credential.optional and not set[credential.name] then
      findings:add("wrong", "keys", credential.name .. " is missing",
        "keys are taken from one place, all together")
      complete = false
    end
  end
  return complete
end

-- The keys that the accounts file has, or names; nil where one is missing.
local function of_file(findings, one)
  local set, had_all = {}, true
  for _, name in ipairs(text.sorted(one.keys)) do
    local value = one.keys[name]
    local secret, problem, warning = value, nil, nil
    if not one.is_resolved then
      secret, problem, warning = reference.resolve(value)
    end
    if warning then
      findings:add("warning", "key file", warning)
    end
    if secret then
      findings:add("ok", "keys", ("%s from %s"):format(name,
        one.is_resolved and "standard input" or place_of(value)))
    else
      findings:add("wrong", "keys", ("%s: %s"):format(name, problem),
        "set it, or write another place into the accounts file")
    end
    set[name], had_all = secret, had_all and secret ~= nil
  end
  if had_all and is_complete(findings, one.provider, set) then
    one.keys, one.is_resolved = set, true -- nothing is asked for them again
    return set
  end
end

local function names_of_variables(provider)
  local names = {}
  for _, credential in ipairs(provider.credentials) do
    names[#names + 1] = not credential.optional
      and variables.of(credential)[1] or nil
  end
  return table.concat(names, ", ")
end

local function found_elsewhere(findings, one)
  local provider, passed = one.provider, {}
  local set, place, about = credentials.find(provider, { one.given }, {
    asks = false, passed = passed,
    warn = function(message)
      findings:add("warning", "key file", message)
    end,
  }, one.given)
  for _, each in ipairs(passed) do
    findings:add("ok", "passed by", mask(each))
  end
  if set then
    findings:add("ok", "keys", place == "environment"
      and ("from the environment: %s"):format(names_of_variables(provider))
      or "from " .. mask(place))
    return set
  elseif about and about.kind == "config" then
    findings:add("ok", "keys", "of a role, which is asked for: "
      .. mask(tostring(place)))
    return nil, true
  else
    findings:add("wrong", "keys", about and mask(tostring(place))
      or "none was found", ("set %s"):format(names_of_variables(provider)))
  end
end

local function check_shape(findings, one, set)
  local provider = one.provider
  local problem = odd.hint(provider.credentials, set)
  if not problem and provider.odd then
    local config = core.copy(one.given)
    for name, value in pairs(set) do
      config[name] = value
    end
    problem = provider.odd(config)
  end
  if problem then
    findings:add("wrong", "shape", problem, "correct the key where it stands")
  else
    findings:add("ok", "shape", "they look like keys")
  end
end

--- Looks.
-- @tparam table findings
-- @tparam table one an account of `balance.command.chosen`
-- @treturn boolean whether it can be asked
function _M.look(findings, one)
  local set, is_role
  if one.keys then
    set = of_file(findings, one)
  else
    set, is_role = found_elsewhere(findings, one)
  end
  if set then
    check_shape(findings, one, set)
  end
  local site = one.provider.options and one.provider.options.site
  if site then
    findings:add("ok", "site", one.given.site
      or ("%s, the default"):format(site[1]))
  end
  return set ~= nil or is_role == true
end

return _M

-- SPDX-License-Identifier: MIT
--- The accounts that a command is about.
-- @module balance.command.chosen

local accounts = require "balance.command.accounts"
local configs = require "balance.config"
local output = require "balance.command.output"
local providers = require "balance.providers"
local spelling = require "balance.spelling"
local stop = require "balance.command.stop"
local text = require "balance.text"

local _M = {}

local function of_provider(name)
  return { name = name, provider = providers.known[name], given = {} }
end

-- All accounts of the file, and of the providers that it has none of, those
-- that have keys, or all.
local function all_of(file, with_keyless)
  local all, has_account = {}, {}
  for name, one in pairs(file and file.accounts or {}) do
    all[name], has_account[one.provider] = one, true
  end
  for name, provider in pairs(providers.known) do
    if not has_account[provider]
      and (with_keyless or configs.has_credentials(provider, {})) then
      all[name] = of_provider(name)
    end
  end
  return all
end

local function named(file, names)
  local of_file = file and file.accounts or {}
  local known, all = {}, {}
  for _, list in ipairs { providers.known, of_file } do
    for name in pairs(list) do
      known[name] = true
    end
  end
  for _, name in ipairs(names) do
    if not known[name] then
      stop.with("usage", spelling.unknown("account", name, known),
        "`balance providers` lists the providers; other names stand in the"
        .. " accounts file")
    end
    all[name] = of_file[name] or of_provider(name)
  end
  return all
end

local function key_of_stdin(all, names, arguments)
  local one = names[1] and not names[2] and all[names[1]]
  if not one or #one.provider.credentials ~= 1 then
    stop.with("usage", "--api-key-stdin is for one account of a provider with"
      .. " one key", "such as: balance get udio --api-key-stdin <key.txt")
  end
  local given = io.read "*a" or "" -- LuaJIT would end a line at a zero byte
  local key = text.trim(given:match "^[^\n]*")
  if key == "" then
    stop.with("usage", "--api-key-stdin: there is no key on standard input")
  end
  one.keys = { [one.provider.credentials[1].name] = key }
  one.is_resolved = true
  arguments.state = "none" -- it may be another account's of this name
end

--- Chooses.
-- @tparam table arguments `names`, `accounts` (a path), `api_key_stdin`,
-- `is_quiet` (a warning about the accounts file is not told) and `with_keyless`
-- (providers without keys are chosen, too)
-- @treturn table accounts by name, as of `balance.command.accounts`
-- @treturn ?table the accounts file
-- @raise an end of the command where something is wrong
function _M.of(arguments)
  local file = accounts.read(arguments.accounts)
  if file and file.warning and not arguments.is_quiet then
    output.say(file.warning)
  end
  local names = arguments.names or {}
  local all = names[1] and named(file, names)
    or all_of(file, arguments.with_keyless)
  if arguments.api_key_stdin then
    key_of_stdin(all, names, arguments)
  end
  return all, file
end

--- Ends the command where there is no account.
-- @tparam table all from `of`
function _M.need_one(all)
  if next(all) == nil then
    local variables = {}
    for _, provider in ipairs(providers.list()) do
      variables[#variables + 1] = provider.credentials[1].variables[1]
    end
    stop.with("unknown", "no account has keys",
      ("set %s, or write an accounts file; `balance doctor` shows where keys"
      .. " were looked for"):format(table.concat(variables, ", ")))
  end
end

return _M

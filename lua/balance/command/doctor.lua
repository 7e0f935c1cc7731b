-- SPDX-License-Identifier: MIT
--- `balance doctor`: looks for what is wrong, and says what to do.
-- @module balance.command.doctor

local chosen = require "balance.command.chosen"
local clients = require "balance.command.client"
local core = require "balance.core"
local data = require "balance.command.data"
local layout = require "balance.report.layout"
local lists = require "balance.command.doctor.findings"
local look_at_call = require("balance.command.doctor.call").look
local look_at_keys = require("balance.command.doctor.keys").look
local look_at_state = require("balance.command.doctor.state").look
local look_at_system = require("balance.command.doctor.system").look
local output = require "balance.command.output"
local paths = require "balance.command.paths"
local providers = require "balance.providers"
local safe = require "cjson.safe"
local stop = require "balance.command.stop"
local text = require "balance.text"
local version = require "balance.version"

local _M = {}

-- The accounts; none where the accounts file is wrong, which is a finding. Where
-- none has keys, it is told of all providers where these were looked for.
local function choose(findings, arguments)
  findings:begin "accounts"
  arguments.is_quiet = true
  local ok, all, file = pcall(chosen.of, arguments)
  if not ok then
    if not stop.is_one(all) then
      error(all, 0)
    end
    findings:add("wrong", "accounts", all.message, all.remedy)
    return {}
  end
  if file and file.warning then
    findings:add("warning", "file", file.warning)
  end
  findings:add("ok", "file", file and paths.shown(file.path)
    or "none; keys are looked for in the environment and in Tencent's files")
  if next(all) == nil then
    all = chosen.of { names = text.sorted(providers.known),
      accounts = arguments.accounts, is_quiet = true }
  end
  return all
end

-- Asks all accounts. Returns results, failures and the last attempts, by name.
local function ask(accounts, arguments)
  local attempts = {}
  local client = clients.new(accounts, {
    timeout = arguments.timeout, retries = 0,
    trace = function(event)
      if event.event == "attempt" then
        attempts[event.account] = event
      end
    end,
  })
  local results, failures = client.all()
  return results, failures, attempts
end

-- First at all keys, then at a call with those that there are.
local function look_at_accounts(findings, accounts, arguments)
  local of_account, asked = {}, {}
  for name, one in pairs(accounts) do
    local own = lists.new()
    own:begin(name == one.provider.name and name
      or ("%s (%s)"):format(name, one.provider.name))
    of_account[name] = own
    if look_at_keys(own, one) and not arguments.offline then
      asked[name] = one
    end
  end
  local results, failures, attempts = ask(asked, arguments)
  for _, name in ipairs(text.sorted(accounts)) do
    if asked[name] then
      look_at_call(of_account[name], attempts[name], results[name],
        failures[name])
    end
    findings:append(of_account[name])
  end
end

local function look(findings, arguments)
  local nginx = arguments.nginx and require "balance.command.doctor.nginx"
  local conf = nginx and nginx.read(arguments.nginx)
  look_at_system(findings)
  local accounts = choose(findings, arguments)
  look_at_accounts(findings, accounts, arguments)
  look_at_state(findings, arguments, accounts)
  if nginx then
    nginx.look(findings, conf, arguments.nginx, accounts)
  end
end

-- The report ------------------------------------------------------------------

local colours = {
  ok = layout.green, warning = layout.yellow, wrong = layout.red,
  skipped = "",
}

local head = "  %-7s  %-12s " -- the state, and the check
local indent = (" "):rep(#head:format("", ""))

local function write_text(findings, arguments)
  local width = output.width()
  local has_colour = output.has_colour(arguments.color)
  local lines, section, wrong = {}, nil, findings:count "wrong"
  for _, found in ipairs(findings.list) do
    if found.section ~= section then
      section = found.section
      lines[#lines + 1] = section
    end
    local from = #lines + 1
    layout.wrap(head:format(found.state, found.check) .. found.finding, indent,
      lines, width)
    if has_colour then
      lines[from] = lines[from]:gsub("^(  )(%l+)", function(blanks, state)
        return blanks .. colours[state] .. state .. layout.no_colour
      end)
    end
    if found.remedy then
      layout.wrap(indent .. "-> " .. found.remedy, indent .. "   ", lines,
        width)
    end
  end
  lines[#lines + 1] = wrong == 0 and "nothing is wrong"
    or wrong == 1 and "1 thing is wrong" or wrong .. " things are wrong"
  return table.concat(lines, "\n") .. "\n"
end

local function write_json(findings)
  return core.in_plain_locale(safe.encode, {
    version = 1, balance = version, wrong = findings:count "wrong",
    findings = findings.list,
  }) .. "\n"
end

--- Runs it.
-- @tparam table arguments
-- @treturn integer the exit status: 2 where something is wrong
function _M.run(arguments)
  local findings = lists.new()
  look(findings, arguments)
  data.write((arguments.json and write_json or write_text)(findings,
    arguments))
  return stop.status[findings:count "wrong" == 0 and "fine" or "unknown"]
end

return _M

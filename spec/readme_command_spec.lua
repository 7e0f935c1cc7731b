-- SPDX-License-Identifier: MIT
--
-- What the README shows of the command is what a reader gets.
local command = require "support.command"
local pages = require "support.readme"
local parsers = require "balance.command.parser"
local process = require "support.process"
local statuses = require("balance.command.stop").status

-- How long ago something was depends on the machine, and the width of its column
-- on that.
local function settled(text)
  return (text:gsub("%f[%d]%d+ seconds? ago", "0 seconds ago"):gsub(" +", " "))
end

-- The commands of a console, each with its lines as one, and what it prints.
local function sessions_of(console)
  local sessions = {}
  for line in (console .. "\n"):gmatch "([^\n]*)\n" do
    if line:find "^%$ " then
      sessions[#sessions + 1] = { shown = line, line = line:sub(3),
        printed = {} }
    elseif line:find "^> " then
      local last = sessions[#sessions]
      last.line = last.line .. "\n" .. line:sub(3)
    else
      table.insert(sessions[#sessions].printed, line .. "\n")
    end
  end
  return sessions
end

describe("the README's command #fast", function()
  setup(command.setup)
  teardown(command.teardown)
  before_each(command.new_home)

  local count = 0
  for console in pages.text[pages.main]:gmatch "\n```console\n(.-)\n```" do
    count = count + 1
    it("does what is shown, in place " .. count, function()
      for _, one in ipairs(sessions_of(console)) do
        local line = one.line:gsub("%f[%w]balance ", command.program .. " ")
          :gsub("%f[%w]balance$", command.program)
        process.write(command.home .. "/session.sh", line .. "\n")
        local output = process.run(command.line("", ""):gsub(
          command.program:gsub("%p", "%%%0") .. ".*$", "")
          .. "sh " .. command.home .. "/session.sh")
        assert.equal(settled(table.concat(one.printed)), settled(output),
          one.shown)
      end
    end)
  end

  it("has several places", function()
    assert.is_true(count >= 3)
  end)

  it("takes the accounts file that is shown", function()
    local file = pages.only(pages.section "Accounts", "\n```json\n(.-)\n```")
    command.write_accounts(file)
    local output = command.expect(0, "get studio --plain",
      'STUDIO_KEY="$UDIO_API_KEY"')
    assert.matches("^studio\tudio\t195\tcredits\t", output)
  end)

  it("has each subcommand, and the exit statuses", function()
    local _, commands = parsers.new(function() end)
    local section = pages.section "Subcommands"
    for name in pairs(commands) do
      assert.is_not_nil(section:find("`balance " .. name, 1, true), name)
    end
    local rows = pages.section "Output and exit status"
    for _, status in pairs(statuses) do
      assert.is_not_nil(rows:find(("\n| %d | "):format(status), 1, true))
    end
  end)
end)

-- SPDX-License-Identifier: MIT
--
-- `balance watch`, in a pipe and in a terminal, until a signal ends it.
local cjson = require "cjson"
local command = require "support.command"
local process = require "support.process"

-- Watches until `awaited`, a fixed text, is in what it wrote, or in a file; then
-- sends a signal. Returns its output, its standard error and its exit status.
local function watch(arguments, setting, awaited, signal, path)
  local out, errors = command.home .. "/out", command.home .. "/errors"
  os.remove(out) -- the last one's, in which to look would be too early
  process.write(command.home .. "/watch.sh", ([[
    %s >%s 2>%s </dev/null &
    tries=0
    until grep -qsF %s %s || [ $tries = 1500 ]; do
      sleep 0.02; tries=$((tries + 1))
    done
    kill -%s $!
    wait $!
  ]]):format(command.line("watch " .. arguments,
    (setting or "") .. " exec"):gsub("^(.-) exec ", "exec %1 "), out, errors,
    process.quote(awaited), path or out, signal or "TERM"))
  local _, status = process.run("sh " .. command.home .. "/watch.sh")
  return process.read(out), process.read(errors), status
end

local time = "%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%dZ "

describe("balance watch #fast", function()
  setup(command.setup)
  teardown(command.teardown)
  before_each(command.new_home)

  it("writes a line for each account in a pipe, and ends cleanly", function()
    local output, errors, status = watch("udio tempolor", nil, "udio: ")
    assert.equal("", errors)
    assert.matches("^" .. time .. "tempolor: 776.56 credits, ok\n" .. time
      .. "udio: 195 credits, ok\n$", output)
    assert.equal(0, status)
  end)

  it("ends with 130 on Ctrl-C", function()
    local _, errors, status = watch("udio", nil, "udio: ", "INT")
    assert.equal("", errors)
    assert.equal(130, status)
  end)

  it("says what failed, with its hint, and goes on", function()
    local output = watch("udio tempolor", "UDIO_API_KEY='Bearer x'",
      "tempolor: ")
    assert.matches("udio: unknown, refused: auth: Unauthorized: Invalid or"
      .. " missing API key; 'Bearer ' is put before the key for you, give the"
      .. " key alone\n", output)
  end)

  it("gives an alarm to a command, once, as JSON", function()
    command.write_accounts [[{ "accounts": { "studio": {
      "provider": "udio", "api_key": "env:UDIO_API_KEY", "min": 200 } } }]]
    local told = command.home .. "/told"
    local exec = ("studio --exec 'cat >>%s'"):format(told)
    local output, errors, status = watch(exec, nil, "studio: 195")
    assert.equal("", errors)
    assert.equal(0, status)
    assert.matches(time .. "ALARM studio %(udio%): 195 credits left, less than"
      .. " 200 credits.\n", output)
    local event = cjson.decode(process.read(told))
    assert.equal("low", event.event)
    assert.equal("studio", event.account)
    assert.equal(200, event.threshold)
    -- another watch knows that it was told
    output = watch(exec, nil, "studio: ")
    assert.is_nil(output:find "ALARM")
  end)

  it("says where nobody was told, and lives on, whatever the command does",
    function()
      command.write_accounts [[{ "accounts": { "studio": {
        "provider": "udio", "api_key": "env:UDIO_API_KEY", "min": 200 } } }]]
      for exec, said in pairs {
        ["exit 3"] = "ended with status 3", ["("] = "ended with status 2",
        ["kill -9 $$"] = "the command of --exec",
        ["exec 0<&-; exit 1"] = "ended with status 1",
      } do
        process.run("rm -rf " .. command.home .. "/.local")
        local output, errors, status = watch("studio --json --exec "
          .. process.quote(exec), nil, "}}")
        local document = cjson.decode(output:match "^[^\n]+")
        assert.equal(0, status, errors)
        local message = document.accounts.studio.undelivered.min.message
        assert.is_not_nil(message:find(said, 1, true), message)
      end
      process.run("rm -rf " .. command.home .. "/.local")
      local output = watch("studio --exec 'exit 3'", nil, "nobody")
      assert.matches("studio: nobody was told of 'low': the command of"
        .. " %-%-exec ended with status 3\n", output)
    end)

  it("tells a webhook, whose address is in no argument", function()
    local dir = command.home .. "/hook"
    process.run("mkdir " .. dir)
    local server = process.start(("exec %s spec/support/webhook_server.lua %s")
      :format(process.plain_lua, dir))
    finally(server.stop)
    local port = process.await(dir .. "/port"):match "%d+"
    command.write("url", ("slack+https://localhost:%s/ok/secret-in-path\n")
      :format(port))
    command.write_accounts [[{ "accounts": { "studio": {
      "provider": "udio", "api_key": "env:UDIO_API_KEY", "min": 200 } } }]]
    process.run(("cat %s/ca.pem $SSL_CERT_FILE >%s/all.pem"):format(dir, dir))
    local output, errors, status = watch("studio --notify file:~/url",
      ("SSL_CERT_FILE=%s/all.pem"):format(dir), "====", "TERM",
      dir .. "/log")
    assert.equal("", errors)
    assert.equal(0, status)
    local log = process.read(dir .. "/log")
    assert.matches("POST /ok/secret%-in%-path HTTP", log)
    assert.matches("studio %(udio%): 195 credits left", log)
    assert.is_nil(output:find "secret%-in")
  end)

  it("takes webhooks of the accounts file, and refuses what is none",
    function()
      for written, said in pairs {
        ['[{ "url": "ftp://example.com" }]'] = "must be https://",
        ['[{}]'] = 'no "url"',
        ['[{ "url": "env:NO_SUCH_URL" }]'] = "NO_SUCH_URL is not set",
        ['[{ "url": "https://localhost/x", "service": "slak" }]'] =
          "unknown service 'slak'; did you mean 'slack'?",
        ['[{ "url": 7 }]'] = "field 'url' must be a string",
        ['[{ "url": "https://localhost/x", "secret": "a",'
          .. ' "service": "slack" }]'] = "unknown option 'secret'",
      } do
        command.write_accounts(('{ "notify": %s }'):format(written))
        local _, errors = command.expect(64, "watch udio")
        assert.is_not_nil(errors:find(said, 1, true), errors)
      end
      local _, errors = command.expect(64, "watch udio --notify http://a/b")
      assert.matches("^balance: %-%-notify: option 'url' must be https",
        errors)
      _, errors = command.expect(64, "watch udio --notify slak+https://a/b")
      assert.matches("unknown service 'slak'; did you mean 'slack'", errors)
    end)

  it("refuses an interval that is too short", function()
    for _, every in ipairs { "59", "86401", "x", "-1" } do
      command.expect(64, "watch udio --every " .. every)
    end
  end)

  it("writes a document for each round with --json", function()
    local output = watch("udio --json", nil, "}}")
    local document = cjson.decode(output:match "^([^\n]+)\n$")
    assert.equal(195, document.accounts.udio.available)
  end)

  it("draws a table in a terminal, and leaves it when it ends", function()
    local output, status = command.in_terminal("watch udio tempolor", nil, 70,
      "\27[J", "\\003")
    assert.equal(130, status)
    assert.matches("^\27%[H\27%[2Jaccount +left +per day +empty in  state"
      .. "\27%[K\n", output)
    assert.matches("\27%[32mok\27%[0m", output)
    assert.matches("asked every 5 minutes, Ctrl%-C ends it\27%[K\n", output)
    assert.matches(time .. "udio: 195 credits, ok\27%[K\n", output)
    output = command.in_terminal("watch udio", "env TERM=dumb", 70, "udio: ",
      "\\003")
    assert.is_nil(output:find "\27")
  end)
end)

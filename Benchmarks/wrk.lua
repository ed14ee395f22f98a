-- Sends the method that is given after "--", and prints exact figures in one line:
-- seconds, requests, bytes, answers with an error status, broken connections, time-outs.
function init(args)
  wrk.method = args[1]
end

function done(summary)
  local errors = summary.errors
  io.write(string.format("figures %.6f %.0f %.0f %.0f %.0f %.0f\n",
    summary.duration / 1e6, summary.requests, summary.bytes, errors.status,
    errors.connect + errors.read + errors.write, errors.timeout))
end

#!/usr/bin/env bash
# make_video.sh FILE: eight seconds of somebody in a room who moves and talks, so to speak.
set -euo pipefail

seconds=8
features="lt(hypot((X-30)/7,(Y-48)/5),1)+lt(hypot((X-66)/7,(Y-48)/5),1)+lt(hypot((X-48)/18,(Y-90)/(3+7*abs(sin(11*T)))),1)"
face="format=rgba,geq=r='if($features,40,224)':g='if($features,30,172)':b='if($features,30,138)':a='255*lt(hypot((X-48)/47,(Y-60)/59),1)'"
room="drawbox=x=0:y=200:w=480:h=70:c=0x5b6b57:t=fill,drawbox=x=330:y=40:w=100:h=80:c=0x9fb8c8:t=fill"
# A voice's pulses in syllables and phrases, shaped by three formants that come and go.
voice="0.5*(2*mod(t*(115+18*sin(2.1*t)),1)-1)*pow(max(0,sin(2*PI*1.9*t)),0.6)*lt(mod(t,2.4),1.9)"
formants="asplit=3[f1][f2][f3];
    [f1]bandpass=f=650:width_type=q:w=4,volume=volume='0.6+0.4*sin(9*t)':eval=frame[a1];
    [f2]bandpass=f=1250:width_type=q:w=6,volume=volume='0.5+0.5*sin(7*t+1)':eval=frame[a2];
    [f3]bandpass=f=2600:width_type=q:w=8,volume=volume='0.4+0.3*sin(5*t+2)':eval=frame[a3];
    [a1][a2][a3]amix=inputs=3:normalize=0,volume=2"

ffmpeg -hide_banner -loglevel error -nostdin -y \
    -f lavfi -i "color=c=0x24506b:s=480x270:r=25:d=$seconds" \
    -f lavfi -i "color=c=black:s=96x120:r=25:d=$seconds,$face" \
    -f lavfi -i "aevalsrc='$voice':s=16000:d=$seconds" \
    -filter_complex "[0:v]$room[room];[room][1:v]overlay=x='(W-w)/2+140*sin(0.9*t)':y='60+25*sin(2.3*t)'[v];[2:a]$formants[a]" \
    -map "[v]" -map "[a]" -t "$seconds" -c:v libx264 -preset veryfast -pix_fmt yuv420p -c:a aac -movflags +faststart "$1"
